use super::super::text::width;
use super::*;
use crate::wire::json;

fn told(json: &str) -> String {
    render(&[json::parse(json).unwrap()], Look::PLAIN)
}

#[test]
fn a_flapping_one_is_told_with_what_comes() {
    let text = told(
        r#"{"program":"web","instance":0,"state":"backoff","admin_state":"up","since":12.0,"pid":0,
        "reason":"exited with code 1 after 0.2 s","waits_for":"the delay before its next start",
        "timers":[{"name":"backoff-delay","in":18.0}],"last_edge":{"input":"exit","from":"starting","asked_by":null},
        "if_it_died":[],"flap_count":7,"flaps_forgiven":"when it is running and that run has lasted 0.5 s"}"#,
    );
    assert_eq!(
        text,
        "web/0 is in backoff since 12s: it exited with code 1 after 0.2 s, the 7th flap in a row. It starts again in \
         18s. Its 7 flaps are forgiven when it is running and that run has lasted 0.5 s.\n"
    );
}

#[test]
fn a_running_one_is_told_with_what_would_be() {
    let text = told(
        r#"{"program":"web","instance":0,"state":"running","admin_state":"up","since":90.0,"pid":12,"reason":null,
        "timers":[],"last_edge":{"input":"healthy","from":"starting","asked_by":null},"flap_count":0,
        "restart_needed":true,"if_it_died":[{"ending":"success","state":"exited","then":"rests","verdict":"done"},
        {"ending":"failure","state":"exited","then":"starts","within":2.0,"verdict":"again"}]}"#,
    );
    assert_eq!(
        text,
        "web/0 is running (pid 12) since 1m 30s. It counted as healthy when it had run for minimum_run_duration. If \
         it ended now with success, it would stay down; with a failure, it would be started again after 2s. Changed \
         settings wait for its next start.\n"
    );
}

#[test]
fn one_that_stops_is_told_with_who_asked() {
    let text = told(
        r#"{"program":"web","instance":0,"state":"stopping","admin_state":"down","since":1.0,"pid":12,"reason":null,
        "waits_for":"its process to end","timers":[{"name":"stop-timeout","in":9.0}],
        "last_edge":{"input":"stop","from":"running","asked_by":{"what":"stop","uid":0,"pid":7,"command":"x"}},
        "if_it_died":[{"ending":"any","state":"exited","then":"rests","verdict":null}],"flap_count":0}"#,
    );
    assert_eq!(
        text,
        "web/0 is stopping (pid 12) since 1s. x[7] of uid 0 asked for that, with 'stop'. It waits for its process to \
         end. In 9s it is killed, unless it ends before. When it ends, it stays down.\n"
    );
}

#[test]
fn clauses_have_a_subject() {
    for (reason, expected) in [
        ("exited with code 1 after 0.2 s", "it exited with code 1 after 0.2 s"),
        ("killed by signal 9 (KILL) after 1.0 s", "it was killed by signal 9 (KILL) after 1.0 s"),
        ("stopped", "it was stopped"),
        ("unhealthy: its health check failed", "it was unhealthy: its health check failed"),
        ("its watchdog was not fed for 2 s", "its watchdog was not fed for 2 s"),
        ("held in failed by request", "it is held in failed by request"),
        ("exec: No such file or directory (x)", "exec: No such file or directory (x)"),
    ] {
        assert_eq!(clause(reason), expected);
    }
}

#[test]
fn numbers_of_flaps() {
    for (number, expected) in
        [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")]
    {
        assert_eq!(ordinal(number), expected);
    }
}

#[test]
fn a_terminal_breaks_lines_and_strange_replies_do_no_harm() {
    let strange =
        json::parse(r#"{"program":"a\u001b[2J","reason":"x\ny","timers":[{"name":"later","in":1.0}]}"#)
            .unwrap();
    let text = render(&[strange.clone(), Value::Nil], Look::PLAIN);
    assert!(!text.contains('\u{1b}') && text.contains("x\\ny") && text.contains("'later' fires"), "{text}");
    let look = Look { width: Some(30), ..Look::PLAIN };
    assert!(render(&[strange], look).lines().all(|line| width(line) <= 30));
}
