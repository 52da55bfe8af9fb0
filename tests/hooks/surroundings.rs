//! What a hook is given: the event, twice; an identity; and nothing that is the supervisor's own.

use crate::common::{Launcher, Supervisor, is_root, lines, proc, shell, sleeper, strings};
use crate::{hook, hooks, next_end, skip};
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::fs;

#[test]
fn the_event_is_in_its_environment_and_on_its_standard_input() {
    let mut supervisor = Supervisor::start();
    let (told, given) = (supervisor.scratch().text("told"), supervisor.scratch().text("given"));
    let script = format!("cat > {told}; env | grep ^PROCNANNY_ | sort > {given}.new; mv {given}.new {given}");
    let settings = shell("sleep 0.3; kill -KILL $$")
        .with("minimum_run_duration", 0)
        .with_backoff(3600)
        .with("hooks", hooks([hook(&["running->exited"], &script, [])]));
    let mut events = supervisor.events();
    supervisor.create("hello world", &settings);
    let ended = next_end(&mut events);
    assert_eq!((ended.exitcode, ended.reason.as_deref()), (0, None));
    let mut client = supervisor.client();
    let reply = client.call("events", crate::args!["since" => ended.of - 1, "limit" => 1]);
    let event = &reply.get("events").and_then(Value::as_array).unwrap()[0];
    assert_eq!(event.get("exitsignal"), Some(&Value::Int(9)));
    // The very event that is kept, on one line.
    let text = fs::read_to_string(&told).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(json::parse(text.trim_end()).unwrap(), *event);
    let variable = |name: &str| {
        let key = name.to_lowercase();
        let value = event.get(&key).unwrap_or_else(|| panic!("no {key}"));
        let text = value.text().map_or_else(|| json::to_string(value), str::to_string);
        format!("PROCNANNY_{name}={text}")
    };
    let names = [
        "DURATION",
        "EVENT",
        "EXITCODE",
        "EXITSIGNAL",
        "FLAP_COUNT",
        "FROM",
        "INSTANCE",
        "PID",
        "PROGRAM",
        "REASON",
        "SEQ",
        "STATE",
        "TIME",
    ];
    let mut expected: Vec<String> = names.map(variable).to_vec();
    expected.push(format!("PROCNANNY_RPC={}", supervisor.endpoint("rpc")));
    expected.push(format!("PROCNANNY_TEST_MARK={}", supervisor.scratch().mark()));
    // Of the environment that the tests themselves were given.
    for name in ["PROCNANNY_TEST_PYTHON", "PROCNANNY_TEST_STATIC"] {
        expected.extend(std::env::var(name).map(|path| format!("{name}={path}")));
    }
    expected.sort();
    assert_eq!(lines(given.as_ref(), expected.len()), expected);
    assert_eq!(expected[1], "PROCNANNY_EVENT=exited");
}

#[test]
fn it_is_a_clean_process_of_its_own() {
    let launcher = Launcher::new().through_shell("ulimit -n 4000; exec \"$@\"").env("OURS", "inherited");
    let mut supervisor = launcher.start();
    let told = supervisor.scratch().text("told");
    supervisor.scratch().program(
        "probe",
        &format!(
            "#!/bin/sh\nexec 9> {told}.new\n(ulimit -n; echo $OURS \"$@\"; cut -d' ' -f5,6 /proc/$$/stat | sed \"s/$$/own/g\"\n\
             grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t'; ls /proc/$$/fd | tr '\\n' ' '; echo; pwd) >&9\n\
             echo seen; echo seen too >&2\nmv {told}.new {told}\n"
        ),
        "755",
    );
    // Found in the supervisor's own PATH if it has no slash; here it has one.
    let probe = supervisor.scratch().text("probe");
    let entries = [("command", Value::from(probe)), ("args", strings(&["%n", "%i", "%%", "a b"]))];
    let hook = hook(&["running"], "", entries);
    supervisor.create_running("web", &sleeper().with("hooks", hooks([hook])));
    let own = proc::link(supervisor.pid(), "cwd");
    let lines = lines(told.as_ref(), 7);
    assert_eq!(lines[..3], ["4000", "inherited web 0 % a b", "own own"]);
    assert_eq!(lines[3], "SigBlk:0000000000000000");
    assert_eq!(lines[4], "SigIgn:0000000000000000");
    let open: Vec<&str> = lines[5].split_whitespace().filter(|fd| !["9", "10", "255"].contains(fd)).collect();
    assert_eq!((open, lines[6].as_str()), (vec!["0", "1", "2"], own.as_str()));
    crate::until_idle(&mut supervisor);
    assert!(supervisor.stdout().contains("seen\n") && supervisor.stderr().contains("seen too\n"));
}

#[test]
fn it_runs_as_its_user_with_that_users_groups() {
    if !is_root() {
        skip!("only root can run a hook as somebody else");
    }
    let mut supervisor = Supervisor::start();
    let directory = supervisor.scratch().join("open");
    fs::create_dir(&directory).unwrap();
    for path in [supervisor.scratch().path(), &directory] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let told = directory.join("told");
    // By its name, too, it may read what stands on its standard input.
    let script = format!(
        "(id -u; id -g; id -G; echo $HOME $USER; wc -l < /proc/self/fd/0) > {0}.new; mv {0}.new {0}",
        told.display()
    );
    let hook = hook(&["running"], &script, [("user", Value::from("nobody"))]);
    supervisor.create_running("web", &sleeper().with("hooks", hooks([hook])));
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    let home = format!("{} nobody", nobody.dir.display());
    assert_eq!(lines(&told, 5), [uid, gid.clone(), gid, home, "1".to_string()]);
}
