//! The recipe for images. There is no engine here to follow it, so its stages are followed by hand: what is copied is
//! where it is said to be, and the image of several programs is run in a root of its own, read-only, as its user.

use super::block;
use super::common::{DEADLINE, Scratch, eventually, is_root, proc};
use super::tool::{Ran, run, tool};
use crate::skip;
use nix::sys::signal::Signal;
use procnanny::wire::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

/// A line of the recipe, with what it goes on over, and what stands in a document after it.
#[derive(Debug)]
struct Step {
    word: &'static str,
    rest: String,
    document: String,
}

/// A stage of the recipe.
#[derive(Debug)]
struct Stage {
    name: String,
    steps: Vec<Step>,
}

fn recipe() -> Vec<Stage> {
    let mut lines = block("dockerfile", "# syntax=docker/dockerfile:1\n").lines();
    let mut stages: Vec<Stage> = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap();
        let mut rest = rest.to_string();
        while let Some(part) = rest.strip_suffix('\\') {
            rest = format!("{part}{}", lines.next().unwrap().trim());
        }
        let end = rest.strip_prefix("<<").map(|document| document.split(' ').next().unwrap().to_string());
        let mut document = String::new();
        if let Some(end) = end {
            lines.by_ref().take_while(|line| *line != end).for_each(|line| document.extend([line, "\n"]));
        }
        if word == "FROM" {
            let (_, name) = rest.split_once(" AS ").expect("a stage has a name");
            stages.push(Stage { name: name.to_string(), steps: Vec::new() });
        }
        stages.last_mut().unwrap().steps.push(Step { word, rest, document });
    }
    stages
}

impl Stage {
    fn steps(&self, word: &str) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.word == word)
    }

    /// What stands after a word, the first time that it is there.
    fn rest(&self, word: &str) -> &str {
        &self.steps(word).next().unwrap_or_else(|| panic!("{} has no {word}", self.name)).rest
    }

    /// The words of a step that is an array, for the program of the image.
    fn command(&self, word: &str) -> Vec<String> {
        let (_, array) = self.rest(word).split_once('[').expect("an array");
        let array = json::parse(&format!("[{array}")).unwrap();
        array.as_array().unwrap().iter().map(|word| word.text().unwrap().to_string()).collect()
    }
}

fn stage(name: &str) -> Stage {
    recipe().into_iter().find(|stage| stage.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// The words after the name of the program are those of a command that there is, with options that there are.
#[track_caller]
fn expect_command(words: &[String]) {
    assert_eq!(words[0], "/procnanny");
    let help = run(tool(&["help", &words[1]])).expect_done();
    for option in words.iter().skip(2).take_while(|word| *word != "--").filter(|word| word.starts_with('-')) {
        assert!(help.contains(&format!("  {option} ")), "{words:?}: {help}");
    }
}

#[test]
fn every_file_is_where_it_is_copied_from() {
    let build = stage("build");
    let made: Vec<&Step> = build.steps("RUN").collect();
    let [make] = made.as_slice() else { panic!("{made:?}") };
    let (_, installed) = make.rest.rsplit_once(" /out/").unwrap();
    assert!(make.rest.contains("cargo build --release --locked "), "{make:?}");
    for word in make.rest.split(' ').filter(|word| word.ends_with(".toml")) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{word}");
    }
    for stage in recipe().iter().filter(|stage| stage.name != "build") {
        let copied: Vec<&Step> = stage.steps("COPY").collect();
        assert!(
            copied.iter().any(|step| step.rest == format!("--from=build /out/{installed} /procnanny")),
            "{copied:?}"
        );
        for step in copied {
            assert!(step.rest.starts_with("--from=build /out/") || !step.document.is_empty(), "{step:?}");
        }
        expect_command(&stage.command("ENTRYPOINT"));
    }
}

#[test]
fn what_is_asked_for_health_is_a_command() {
    let several = stage("several");
    expect_command(&several.command("HEALTHCHECK"));
    Signal::from_str(several.rest("STOPSIGNAL")).unwrap();
    let entry = several.command("ENTRYPOINT");
    let configuration = several.steps("COPY").find(|step| !step.document.is_empty()).unwrap();
    let (_, path) = configuration.rest.split_once(' ').unwrap();
    assert!(entry.iter().any(|word| word == path), "{entry:?}");
}

/// Lays out the root of an image of which the program is all there is; of one that is no static program, what it is
/// linked with, too.
fn lay_out(root: &Path, stage: &Stage) {
    let program = env!("CARGO_BIN_EXE_procnanny");
    let linked = Command::new("ldd").arg(program).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        let place = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(library, place).unwrap();
    }
    let copied = Command::new("cp").arg(program).arg(root.join("procnanny")).status().unwrap();
    assert!(copied.success());
    for directory in ["etc", "run", "dev", "proc"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for step in stage.steps("COPY").filter(|step| !step.document.is_empty()) {
        let (_, path) = step.rest.split_once(' ').unwrap();
        // Any port, as another test may have this one.
        fs::write(
            root.join(path.trim_start_matches('/')),
            step.document.replace("0.0.0.0:9275", "127.0.0.1:0"),
        )
        .unwrap();
    }
}

/// What an engine sets up: a read-only root with a /run that can be written to, /dev and /proc, and a process 1 that is
/// the user of the image.
const SET_UP: &str = "set -e
mount --bind \"$ROOT\" \"$ROOT\"
mount --rbind /dev \"$ROOT/dev\"
mount -t proc proc \"$ROOT/proc\"
mount -t tmpfs -o mode=1777 tmpfs \"$ROOT/run\"
mount -o remount,bind,ro \"$ROOT\"
exec chroot --userspec=\"$OWNER\" \"$ROOT\" \"$@\"";

/// A container. Its process 1 is the child of the one that is ours, and when it ends everything in it does.
struct Container {
    child: Child,
    owner: String,
    variable: (String, String),
    scratch: Scratch,
}

impl Container {
    fn start(stage: &Stage) -> Self {
        let scratch = Scratch::new();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        let root = scratch.join("root");
        fs::create_dir(&root).unwrap();
        lay_out(&root, stage);
        let owner = stage.rest("USER").to_string();
        let (name, value) = stage.rest("ENV").split_once('=').unwrap();
        let said = fs::File::create(scratch.join("said")).unwrap();
        let mut engine = Command::new("unshare");
        engine
            .args(["--mount", "--pid", "--fork", "sh", "-c", SET_UP, "sh"])
            .args(stage.command("ENTRYPOINT"));
        engine.env("ROOT", &root).env("OWNER", &owner).env(name, value);
        engine.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let child = engine.spawn().unwrap();
        Self { child, owner, variable: (name.to_string(), value.to_string()), scratch }
    }

    /// Its process 1, once it is there.
    fn first(&self) -> Option<i32> {
        proc::children(i32::try_from(self.child.id()).unwrap()).first().copied()
    }

    /// Runs a command in it.
    fn execute(&self, words: &[String]) -> Ran {
        let first = eventually("a process 1", DEADLINE, || self.first()).to_string();
        let (user, group) = self.owner.split_once(':').unwrap();
        let mut command = Command::new("nsenter");
        command.args(["-t", &first, "-m", "-p", "-r", "-S", user, "-G", group]).args(words);
        command.env(&self.variable.0, &self.variable.1).stdin(Stdio::null());
        run(command)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.scratch.join("said")).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.first().map(|first| proc::send(first, Signal::SIGKILL));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn several_programs_run_in_an_empty_read_only_root() {
    if !is_root() {
        skip!("only root makes a root");
    }
    let namespaces = Command::new("unshare").args(["--mount", "--pid", "--fork", "true"]).status();
    if !namespaces.is_ok_and(|status| status.success()) {
        skip!("there are no namespaces to be had");
    }
    let several = stage("several");
    let mut container = Container::start(&several);
    let health = several.command("HEALTHCHECK");
    eventually("it is healthy", DEADLINE, || {
        assert!(container.child.try_wait().unwrap().is_none(), "{}", container.said());
        (container.execute(&health).status.code() == Some(0)).then_some(())
    });
    let status = container.execute(&["/procnanny", "status"].map(str::to_string)).expect_done();
    assert!(status.contains("metrics/0") && status.contains("running"), "{status}");
    let said = container.said();
    assert!(said.contains("metrics/0 | "), "what programs print goes to the engine: {said}");
    let signal = Signal::from_str(several.rest("STOPSIGNAL")).unwrap();
    assert!(proc::send(container.first().unwrap(), signal));
    let ended = eventually("it ends", DEADLINE, || container.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0), "{}", container.said());
}

#[test]
fn its_configuration_has_no_mistakes() {
    let scratch = Scratch::new();
    let several = stage("several");
    let configuration = several.steps("COPY").find(|step| !step.document.is_empty()).unwrap();
    fs::write(scratch.join("procnanny.toml"), &configuration.document).unwrap();
    run(tool(&["check", &scratch.text("procnanny.toml")])).expect_done();
}
