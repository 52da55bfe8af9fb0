use super::*;

/// What may stand at the end of a line, whose last word is the one at the cursor; the prefix in front of each.
fn offered(line: &str) -> Vec<String> {
    match answered(line) {
        Answer::Words(Words { prefix, candidates }) => {
            candidates.into_iter().map(|candidate| format!("{prefix}{}", candidate.word)).collect()
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn answered(line: &str) -> Answer {
    let words: Vec<String> = line.split(' ').map(str::to_string).collect();
    answer(&words, &|rpc| {
        let program = |name: &str, instances| Program { name: name.to_string(), instances };
        match rpc {
            None => vec![
                program("web", vec![(0, "running".to_string()), (1, "backoff".to_string())]),
                program("db", Vec::new()),
            ],
            Some(other) => vec![program(other, Vec::new())],
        }
    })
}

fn files(prefix: &str) -> Answer {
    Answer::Files { prefix: prefix.to_string() }
}

#[test]
fn commands_come_first() {
    let all = offered("");
    assert_eq!(all.first().map(String::as_str), Some("run"));
    assert_eq!(offered("help "), all);
    assert_eq!(offered("--rpc ipc:///x "), all);
    assert_eq!(offered("-"), ["--rpc", "--version", "--help"]);
    assert_eq!(offered("fizzle "), [""; 0]);
}

#[test]
fn every_command_has_its_options() {
    for command in &TopLevel::get_args_info().commands {
        let offered = offered(&format!("{} -", command.name));
        assert!(offered.iter().any(|option| option == "--help"), "{}: {offered:?}", command.name);
    }
    assert_eq!(offered("status --"), ["--json", "--watch", "--help"]);
    assert_eq!(offered("shutdown "), offered("shutdown -"), "where nothing else can stand");
    assert!(offered("init -").contains(&"-e".to_string()));
    let options = offered("create x --");
    assert!(options.contains(&"--stop-timeout".to_string()) && options.contains(&"--".to_string()));
    assert!(offered("create x --stop_").contains(&"--stop_timeout".to_string()));
}

#[test]
fn values_follow_their_options() {
    assert_eq!(offered("logs --source "), ["stdout", "stderr"]);
    assert_eq!(offered("logs --source=s"), ["--source=stdout", "--source=stderr"]);
    assert_eq!(offered("logs -n "), [""; 0]);
    assert_eq!(offered("logs -n 3 "), ["web", "db"]);
    assert_eq!(answered("run --log-dir "), Answer::Directories { prefix: String::new() });
    assert_eq!(answered("run --log-dir=/v"), Answer::Directories { prefix: "--log-dir=".to_string() });
    assert_eq!(answered("run "), files(""));
    assert_eq!(answered("--rpc ipc:///r"), files("ipc://"));
    assert_eq!(offered("run --endpoint ipc:///x,mode=0660,access=c").len(), 3);
    assert_eq!(answered("run --endpoint ipc:///x,curve=/k"), files("ipc:///x,curve="));
    assert!(offered("run --endpoint ipc:///x,").contains(&"ipc:///x,clients=".to_string()));
}

#[test]
fn programs_are_those_that_run() {
    assert_eq!(offered("start "), ["web", "db"]);
    assert_eq!(offered("start web "), ["db"], "what was named already is not named again");
    assert_eq!(offered("start web/"), ["web/0", "web/1"]);
    assert_eq!(offered("start web/0 web/"), ["web/1"]);
    assert_eq!(offered("start -- "), ["web", "db"]);
    assert_eq!(offered("--rpc there start "), ["there"]);
    assert_eq!(offered("--rpc=there scale "), ["there"]);
    assert_eq!(offered("scale web "), ["--no-wait", "--timeout", "--help"]);
    assert_eq!(offered("create x requires=db,"), ["requires=db,web", "requires=db,db"]);
    let Answer::Words(words) = answered("start ") else { panic!() };
    let meanings: Vec<_> = words.candidates.iter().map(|candidate| candidate.meaning.as_str()).collect();
    assert_eq!(meanings, ["1 running, 1 backoff", "no instances"]);
}

#[test]
fn settings_are_those_of_the_table() {
    assert_eq!(offered("create "), [""; 0], "a name that is not there yet");
    assert_eq!(offered("update "), ["web", "db"]);
    let all = offered("create x ");
    assert_eq!(all.len(), keys::all().count());
    assert_eq!(offered("create x restart="), ["restart=always", "restart=on-failure", "restart=never"]);
    assert_eq!(offered("create x --restart "), ["always", "on-failure", "never"]);
    assert_eq!(offered("update x --restart "), all, "which is a switch there");
    assert_eq!(offered("create x --bound="), ["--bound=true", "--bound=false"]);
    assert_eq!(offered("create x stdout="), ["stdout=log", "stdout=inherit", "stdout=null"]);
    assert_eq!(answered("create x stdout=/v"), files("stdout="));
    assert!(offered("create x user=").contains(&"user=root".to_string()));
    assert!(offered("create x limits=").contains(&"limits=nofile=".to_string()));
    assert!(offered("create x stop_signal=").contains(&"stop_signal=TERM".to_string()));
    assert_eq!(answered("create x --directory "), Answer::Directories { prefix: String::new() });
}

#[test]
fn requests_are_those_of_the_table() {
    assert!(offered("call ").contains(&"methods".to_string()));
    assert_eq!(offered("call tail "), ["program=", "instance=", "source=", "bytes="]);
    assert_eq!(offered("call tail source="), ["source=stdout", "source=stderr"]);
    assert_eq!(offered("call start wait="), ["wait=true", "wait=false"]);
    assert!(offered("call create ").contains(&"stop_timeout=".to_string()));
    assert_eq!(offered("call create restart="), offered("create x restart="));
    assert_eq!(offered("call fizzle "), offered("call fizzle -"));
    assert_eq!(offered("transition ").len(), 8);
    assert_eq!(offered("transition running "), ["web", "db"]);
    assert!(offered("signal ").contains(&"USR1".to_string()));
    assert_eq!(offered("completions "), ["bash", "zsh", "fish"]);
}

#[test]
fn another_command_begins_where_it_does() {
    for (line, index) in [
        ("create x -- ", 3),
        ("create x nice=1 --user u -- ls -", 6),
        ("init ", 1),
        ("init -- ls -", 2),
        ("init -ge 3 --rewrite=1:2 -r 1:2 ls ", 6),
        ("init -e3 ls", 2),
        ("--rpc ipc:///x update x -- ", 5),
    ] {
        assert_eq!(answered(line), Answer::Command { index }, "{line}");
    }
    assert!(matches!(answered("init -p "), Answer::Words(_)));
}
