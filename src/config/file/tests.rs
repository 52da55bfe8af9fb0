use super::*;
use std::fs;
use std::path::Path;

/// A directory of files, removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("procnanny-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.0.clone() } else { self.0.join(name) }
    }

    fn load(&self, name: &str) -> Result<Configuration, FileErrors> {
        load(&Location::Given(self.path(name)))
    }

    fn names(&self, name: &str) -> Vec<String> {
        self.load(name).unwrap().programs.into_iter().map(|program| program.name).collect()
    }

    /// The mistakes, with names of files as they are in the directory.
    fn mistakes(&self, name: &str) -> Vec<String> {
        let prefix = format!("{}/", self.0.display());
        let told = self.load(name).unwrap_err().told;
        told.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The mistakes of one file.
fn mistakes(name: &str, text: &str) -> Vec<String> {
    Directory::new(name, &[("a.toml", text)]).mistakes("a.toml")
}

#[test]
fn programs_are_read_in_the_order_of_the_file() {
    let text = r#"
        [supervisor]
        event_history = 10
        [program.web]
        command = "x"
        args = ["a", "b"]
        limits = { nofile = 4096, core = "unlimited" }
        env.PORT = 8080
        [program."a b"]
        command = "y"
        instances = 3
    "#;
    let directory = Directory::new("order", &[("a.toml", text)]);
    let configuration = directory.load("a.toml").unwrap();
    assert_eq!((configuration.files, configuration.supervisor.event_history), (1, 10));
    let [web, other] = configuration.programs.as_slice() else { panic!("two programs") };
    assert_eq!((web.name.as_str(), other.name.as_str(), other.settings.instances), ("web", "a b", 3));
    assert_eq!(web.settings.process.args, ["a", "b"]);
    assert_eq!(web.settings.process.env, [("PORT".to_string(), "8080".to_string())]);
    assert_eq!(web.settings.process.limits.len(), 2);
    assert!(web.header.as_text().ends_with("a.toml:4"));
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "[program.web]\ncomand = 'x'\ninstances = \"three\"\n\n[program.db]\ncommand = 'y'\n\
                \tlimits = { nofile = 1, nofil = 2 }\n[program.none]\n[programs.x]\n[supervisor]\nexit_wen = 1\n\
                events = ['tcp://0.0.0.0:1']\n[program.'a/b']\n";
    assert_eq!(
        mistakes("all", text),
        [
            "a.toml:2:1: there is no setting 'comand'; did you mean 'command'?",
            "a.toml:3:13: 'instances' is \"three\", expected a whole number from 0 to 100000",
            "a.toml:7:25: 'limits' is {\"nofile\":1,\"nofil\":2}, expected names of limits; there is no 'nofil', did you mean 'nofile'?",
            "a.toml:8:1: program 'none' has no 'command'",
            "a.toml:9:2: there is no 'programs' at the top of a file; did you mean 'program'?",
            "a.toml:11:1: there is no setting 'exit_wen'; did you mean 'exit_when'?",
            "a.toml:12:10: 'events' is [\"tcp://0.0.0.0:1\"], expected an array of endpoints; endpoint tcp://0.0.0.0:1: it is not on loopback, so everybody who reaches this host could use it; protect it by curve=FILE,clients=FILE, or use a tunnel to 127.0.0.1",
            "a.toml:13:10: a program's name has no '/' in it",
        ]
    );
}

#[test]
fn what_does_not_go_together_is_told_of_the_header() {
    let text = "\n[program.web]\ncommand = 'x'\nuser = 54321\n";
    let told = mistakes("together", text);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("a.toml:2:1: user 54321 has no entry"), "{told:?}");
    assert_eq!(mistakes("dotted", "program.web.args = []")[0], "a.toml:1:9: program 'web' has no 'command'");
    assert_eq!(
        mistakes("date", "[program.web]\ncommand = 'x'\ndescription = 2026-11-23")[0],
        "a.toml:3:15: no setting is a date; as a string it would be in quotes"
    );
    assert_eq!(
        mistakes("shape", "program = 3\nsupervisor = []"),
        [
            "a.toml:1:11: 'program' is a table of programs, each with a name: [program.NAME]",
            "a.toml:2:14: 'supervisor' is a table: [supervisor]"
        ]
    );
    assert_eq!(
        mistakes("flat", "[program]\ncommand = 'x'"),
        ["a.toml:2:11: a program is a table of settings: [program.NAME]"]
    );
}

#[test]
fn syntax_errors_are_told_one_a_line() {
    let told = mistakes("syntax", "a = \n[program.web]\ncommand = \"x\nnice = 3\nnice = 4\n]]\n");
    let places: Vec<&str> = told.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["a.toml:1:5", "a.toml:3:13", "a.toml:5:1", "a.toml:6:1"], "{told:?}");
    let half = mistakes("half", "[program.web]\ncommand = \"/bin/sl");
    assert!(half.len() == 1 && half[0].starts_with("a.toml:2:"), "{half:?}");
    let large = "= 3\n".repeat(100_000);
    assert_eq!(mistakes("large", &large).len(), 1);
}

#[test]
fn no_more_mistakes_are_told_than_anybody_reads() {
    let rows: String = (0..1000).map(|row| format!("zzzzzzzzz{row} = 1\n")).collect();
    let directory = Directory::new("many", &[("a.toml", &format!("[program.web]\n{rows}"))]);
    let errors = directory.load("a.toml").unwrap_err();
    assert_eq!((errors.told.len(), errors.more, errors.count()), (100, 900, 1000));
}

#[test]
fn a_program_in_two_files_is_a_mistake_that_names_both() {
    let directory = Directory::new(
        "twice",
        &[
            ("main.toml", "[program.web]\ncommand='x'"),
            ("programs.d/web.toml", "\n[program.web]\ncommand='y'"),
            ("programs.d/a.toml", "[supervisor]\nevent_history=1"),
            ("programs.d/b.toml", "[supervisor]\nevent_history=2"),
        ],
    );
    let told = directory.mistakes("main.toml");
    assert_eq!(
        told,
        [
            "programs.d/b.toml:2:1: 'event_history' is set in programs.d/a.toml:2 too",
            "programs.d/web.toml:2:10: program 'web' is in main.toml:1 already"
        ]
    );
}

#[test]
fn the_main_file_includes_others_and_each_is_read_once() {
    let program = |name: &str| format!("[program.{name}]\ncommand = 'x'\n");
    let directory = Directory::new(
        "include",
        &[
            ("main.toml", &program("main")),
            ("programs.d/b.toml", &program("b")),
            (
                "programs.d/a.toml",
                &format!("include = ['../programs.d/*.toml', '../main.toml']\n{}", program("a")),
            ),
            ("programs.d/.hidden.toml", &program("hidden")),
            ("programs.d/b.toml~", &program("backup")),
            ("all.toml", "include = ['*.toml', 'x/*/p.toml', 'nothing*']"),
            ("x/1/p.toml", &program("one")),
            ("x/2/q.toml", &program("two")),
            ("none.toml", "include = []"),
        ],
    );
    assert_eq!(directory.names("main.toml"), ["main", "a", "b"]);
    assert_eq!(
        directory.names("all.toml"),
        ["main", "one"],
        "one that is included includes nothing by default"
    );
    assert_eq!(directory.names("none.toml"), Vec::<String>::new());
    assert_eq!(directory.names("programs.d"), ["a", "b", "main"]);
    assert_eq!(directory.names("x"), Vec::<String>::new(), "a directory without files");
}

#[test]
fn what_cannot_be_included_is_told_of_where_it_is_named() {
    let text = "include = ['a.toml', 3, 'missing.toml', 'dir']\n";
    let directory = Directory::new("missing", &[("a.toml", text), ("dir/x.toml", "")]);
    let told = directory.mistakes("a.toml");
    assert_eq!(told[0], "a.toml:1:22: 'include' is an array of paths, each of which may be a glob");
    assert_eq!(told[1], "a.toml:1:25: cannot include missing.toml: No such file or directory");
    assert_eq!(told[2], "dir: is a directory, expected a file");
    assert_eq!(mistakes("number", "include = 3")[0].split(": ").next(), Some("a.toml:1:11"));
}

#[test]
fn files_that_cannot_be_read_are_one_mistake_each() {
    let directory = Directory::new("unreadable", &[("a.toml", "x = 1\nä = \"b\u{0}\"")]);
    fs::write(directory.path("latin.toml"), b"a = 1\nb = \"\xe4\"\n").unwrap();
    fs::File::create(directory.path("huge.toml")).unwrap().set_len(100 << 20).unwrap();
    nix::unistd::mkfifo(&directory.path("fifo.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        directory.mistakes("latin.toml"),
        ["latin.toml:2:6: here is a byte that is not UTF-8, expected text in UTF-8"]
    );
    let huge = directory.mistakes("huge.toml");
    assert!(huge.len() == 1 && huge[0].starts_with("huge.toml: has 104857600 bytes"), "{huge:?}");
    assert_eq!(directory.mistakes("fifo.toml"), ["fifo.toml: is no regular file"]);
    assert_eq!(
        directory.mistakes("missing.toml"),
        ["missing.toml: cannot be read: No such file or directory"]
    );
}

#[test]
fn nothing_is_a_configuration_too() {
    let directory = Directory::new("empty", &[("a.toml", ""), ("b.toml", "# nothing\n")]);
    for name in ["a.toml", "b.toml", ""] {
        let configuration = directory.load(name).unwrap();
        assert!(configuration.programs.is_empty() && configuration.files > 0, "{name}");
    }
    let missing = load(&Location::Default(directory.path("missing.toml"))).unwrap();
    assert_eq!((missing.files, missing.programs.len()), (0, 0));
    assert_eq!(load(&Location::Nowhere).unwrap().files, 0);
}

#[test]
fn everybody_has_a_default_place() {
    let path = |uid, config: Option<&str>, home: Option<&str>| {
        default_path(uid, config.map(OsString::from), home.map(OsString::from))
    };
    let expected = |path: &str| Some(Path::new(path).to_path_buf());
    assert_eq!(path(0, Some("/x"), Some("/root")), expected("/etc/procnanny/procnanny.toml"));
    assert_eq!(path(1, Some("/x"), Some("/home/y")), expected("/x/procnanny/procnanny.toml"));
    assert_eq!(path(1, Some("x"), Some("/home/y")), expected("/home/y/.config/procnanny/procnanny.toml"));
    assert_eq!(path(1, None, None), None);
}
