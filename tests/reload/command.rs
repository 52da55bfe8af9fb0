//! `procnanny reload`, and the dry run.

use super::common::{EventSource, Launcher};
use super::tool::{ask, done};
use super::{known, program};
use crate::args;

#[test]
fn a_dry_run_says_exactly_what_a_reload_does_and_does_nothing() {
    let text = program("web", "instances = 2")
        + &program("policy", "")
        + &program("gone", "")
        + &program("same", "");
    let mut supervisor = Launcher::new().configuration(&text).start();
    let before = supervisor.wait_for("*", "running");
    supervisor.configure(
        &(program("web", "instances = 3\nnice = 1")
            + &program("policy", "stop_timeout = 1")
            + &program("same", "")
            + &program("new", "")
            + "[supervisor]\nevent_history = 7\noom_score_adj = 900\n"),
    );
    let latest = |supervisor: &mut super::Supervisor| {
        supervisor.call("events", args!["limit" => 1]).get("latest").cloned()
    };
    let seq = latest(&mut supervisor);
    let printed = done(&supervisor, &["reload", "--dry-run"]);
    assert_eq!(
        printed,
        "added                                 new\n\
         changed                               web (instances, nice), policy (stop_timeout)\n\
         removed                               gone\n\
         unchanged                             1\n\
         start                                 web/2, new/0\n\
         stop                                  gone/0\n\
         restart                               web/0, web/1\n\
         change in place                       policy/0\n\
         when the supervisor is started again  oom_score_adj\n"
    );
    assert_eq!(known(&supervisor.rows("*")), known(&before));
    assert_eq!(latest(&mut supervisor), seq, "not even an event");
    let mut events = supervisor.events();
    assert_eq!(done(&supervisor, &["reload"]), printed);
    events.until_state("web", 1, "running");
    assert_eq!(
        done(&supervisor, &["reload"]).lines().next(),
        Some("unchanged                             4")
    );
}

#[test]
fn mistakes_are_told_as_check_tells_them() {
    let mut supervisor = Launcher::new().configuration(&program("web", "")).start();
    let before = supervisor.wait_for("web", "running");
    supervisor.configure("[program.web]\n\tcomand = 'x'\n");
    let file = supervisor.scratch().text("procnanny.toml");
    let expected = format!(
        "{file}:2:2: there is no setting 'comand'; did you mean 'command'?\n  2 |  comand = 'x'\n    |  ^^^^^^\n\
         procnanny: 1 mistake in the configuration"
    );
    for arguments in [&["reload"][..], &["reload", "--dry-run"]] {
        let ran = ask(&supervisor, arguments);
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(1), ""));
        assert_eq!(ran.stderr, format!("{expected}; nothing was changed\n"));
    }
    let checked = ask(&supervisor, &["--rpc", "x", "check", &file]);
    assert_eq!(checked.status.code(), Some(2), "it talks to no supervisor");
    assert_eq!(known(&supervisor.rows("web")), known(&before));
}
