//! The same cases for us and for tini, dumb-init and catatonit as Debian has them: what they do, we do.

use super::common::{Scratch, eventually_true, proc};
use super::inits::{Init, LISTENER, Place, called, installed, own, places, python};

/// Ourselves by our names, and the others that are installed; those are said that are not.
fn everyone(scratch: &Scratch, place: Place) -> Vec<Init> {
    // Only ours and tini become a subreaper; without that the others leave orphans to another process.
    let others: [(&str, &[&str], Place); 4] = [
        ("tini", &["-s", "--"], Place::Here),
        ("dumb-init", &[], Place::Namespace),
        ("dumb-init", &["-c"], Place::Namespace),
        ("catatonit", &["--"], Place::Namespace),
    ];
    let mut all = vec![
        own(&[]),
        called("tini", scratch, &["-s", "--"]),
        called("dumb-init", scratch, &[]),
        called("dumb-init", scratch, &["-c"]),
    ];
    for (name, options, at_least) in others {
        match installed(name, options) {
            Some(init) if place == Place::Namespace || at_least == Place::Here => all.push(init),
            Some(_) => {}
            None => println!("skipped: {name} is not installed"),
        }
    }
    all
}

#[test]
fn the_same_exit_codes() {
    let scratch = Scratch::new();
    for place in places() {
        for init in everyone(&scratch, place) {
            for (script, code) in [
                ("exit 0", 0),
                ("exit 1", 1),
                ("exit 77", 77),
                ("exit 255", 255),
                ("kill -TERM $$; sleep 60", 143),
                ("kill -KILL $$; sleep 60", 137),
                ("ulimit -c 0; kill -SEGV $$; sleep 60", 139),
            ] {
                let ran = init.shell(place, script);
                assert_eq!(ran.status.code(), Some(code), "{place:?} {init:?} {script}: {ran:?}");
            }
        }
    }
}

#[test]
fn the_same_signals() {
    let scratch = Scratch::new();
    let Some(python) = python() else { crate::skip!("there is no python3") };
    use libc::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGURG, SIGUSR1, SIGUSR2, SIGWINCH};
    for place in places() {
        for init in everyone(&scratch, place) {
            let running = init.start(place, &[python, "-c", LISTENER]);
            assert_eq!(running.line(), "ready\n", "{init:?}");
            for signal in [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH, SIGURG] {
                running.send(signal);
                assert_eq!(running.line(), format!("{signal}\n"), "{place:?} {init:?}");
            }
        }
    }
}

#[test]
fn no_zombie_with_any() {
    let scratch = Scratch::new();
    let script = "i=0; while [ $i -lt 50 ]; do (: & :); i=$((i + 1)); done; echo ready; exec sleep 60";
    for place in places() {
        for init in everyone(&scratch, place) {
            let running = init.start_ready(place, script);
            let pid = running.pid();
            eventually_true(&format!("{init:?} reaps all"), || proc::children(pid).len() == 1);
            running.send(libc::SIGTERM);
            assert_eq!(running.wait().status.code(), Some(143), "{place:?} {init:?}");
        }
    }
}

#[test]
fn the_same_for_a_script_without_a_first_line() {
    let scratch = Scratch::new();
    let script = scratch.program("script", "exit 7\n", "700");
    for place in places() {
        for init in everyone(&scratch, place) {
            let ran = init.run(place, &[script.to_str().unwrap()]);
            assert_eq!(ran.status.code(), Some(7), "{place:?} {init:?}");
        }
    }
}

#[test]
fn the_same_process_group_for_the_command() {
    let scratch = Scratch::new();
    // The fields of /proc/PID/stat after the name: state, parent, group, session.
    let script = "read line < /proc/$$/stat; set -- ${line##*) }; [ $3 = $$ ] && exit 10; exit 20";
    for place in places() {
        for init in everyone(&scratch, place) {
            // These leave the command in their own group, which is why keys of a terminal reach it twice.
            let is_theirs = !init.0[0].contains(&scratch.mark());
            let expected = match init.0[0].rsplit('/').next().unwrap() {
                "dumb-init" if is_theirs && init.0.contains(&"-c".to_string()) => 20,
                "catatonit" => continue,
                _ => 10,
            };
            assert_eq!(init.shell(place, script).status.code(), Some(expected), "{place:?} {init:?}");
        }
    }
}
