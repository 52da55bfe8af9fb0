//! Ends that come of something else: what is required, and the configuration.

use crate::common::{EventSource, Launcher, ProgramSettings, Supervisor, proc, sleeper, strings};
use crate::{asked, integer, only_run, runs, text};
use nix::sys::signal::Signal;

fn bound() -> ProgramSettings {
    sleeper().with("requires", strings(&["db"])).with("bound", true)
}

#[test]
fn a_requirement_that_died() {
    let mut supervisor = Supervisor::start();
    let db = supervisor.create_running("db", &sleeper().with("backoff_min", 0)).remove(0);
    supervisor.create_running("web", &bound());
    let mut events = supervisor.events();
    assert!(proc::send(db.pid, Signal::SIGKILL));
    let event = events.expect("the end of web", |event| text(event, "cause") == "requirement");
    let run = only_run(&mut supervisor, "web");
    assert_eq!((text(&run, "cause"), text(&event, "program")), ("requirement", "web"));
    let asker = run.get("asked_by").unwrap();
    assert_eq!((text(asker, "what"), text(asker, "program"), asker.get("pid")), ("requirement", "db", None));
}

#[test]
fn a_requirement_that_somebody_stops() {
    let mut supervisor = Supervisor::start();
    supervisor.create_running("db", &sleeper());
    supervisor.create_running("web", &bound());
    supervisor.do_and_wait("stop", "db");
    // What is bound may begin anew until its requirement is told to stop: the first run is the one that was asked to end.
    let (db, web) = (only_run(&mut supervisor, "db"), runs(&mut supervisor, "web", 0).remove(0));
    assert_eq!((text(&db, "cause"), asked(&db)), ("stopped", "stop"));
    let asker = web.get("asked_by").unwrap();
    assert_eq!(
        (text(&web, "cause"), text(asker, "what"), text(asker, "program")),
        ("requirement", "requirement", "db")
    );
    // It was held back until the other had ended, and it is known who wanted that.
    for run in [&db, &web] {
        assert_eq!(integer(run.get("asked_by").unwrap(), "pid"), i64::from(std::process::id()));
    }
}

#[test]
fn a_reload() {
    let text_of = |nice: &str| {
        format!(
            "[supervisor]\nrun_history = 2\n[program.web]\ncommand = \"sleep\"\nargs = [\"3600\"]\nminimum_run_duration = 0\nnice = {nice}\n"
        )
    };
    let mut supervisor = Launcher::new().configuration(&text_of("0")).start();
    supervisor.wait_for("web", "running");
    let mut events = supervisor.events();
    supervisor.configure(&text_of("1"));
    supervisor.signal(Signal::SIGHUP);
    events.until_state("web", 0, "running");
    let run = only_run(&mut supervisor, "web");
    assert_eq!((text(&run, "cause"), asked(&run)), ("stopped", "reload"));
    assert_eq!(integer(run.get("asked_by").unwrap(), "pid"), i64::from(std::process::id()));
    for _ in 0..2 {
        supervisor.do_and_wait("restart", "web");
    }
    assert_eq!(runs(&mut supervisor, "web", 0).len(), 2);
    supervisor.configure(&text_of("1").replace("run_history = 2", "run_history = 1"));
    supervisor.call("reload", &[]);
    assert_eq!(runs(&mut supervisor, "web", 0).len(), 1);
}
