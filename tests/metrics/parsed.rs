//! The text, read by the parser of Prometheus' client library, which knows nothing of our code.

use crate::common::{Supervisor, shell, sleeper};
use crate::{skip, tool};
use procnanny::wire::json;
use procnanny::wire::value::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python with the library, if there is one.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-venv/bin/python");
    let found = std::env::var_os("PROCNANNY_TEST_PYTHON").map(PathBuf::from);
    let python = found.unwrap_or_else(|| if own.exists() { own } else { PathBuf::from("python3") });
    let mut probe = Command::new(&python);
    probe.args(["-c", "import prometheus_client.openmetrics.parser"]).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success()).then_some(python)
}

/// What the parser finds in a text.
#[track_caller]
fn parse(python: &Path, text: &str) -> Value {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/openmetrics.py"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut input, text) = (child.stdin.take().unwrap(), text.to_string());
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    writer.join().unwrap().unwrap();
    json::parse(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

/// The samples of a family with these labels, by any order.
fn samples<'a>(families: &'a Value, family: &str, labels: &[(&str, &str)]) -> Vec<(&'a str, f64)> {
    let all = families.get(family).unwrap_or_else(|| panic!("no {family}")).get("samples").unwrap();
    let matching = all.as_array().unwrap().iter().filter_map(|sample| {
        let [name, found, value] = sample.as_array()? else { return None };
        let fits = labels.iter().all(|(label, value)| found.get(label).and_then(Value::text) == Some(*value));
        fits.then(|| (name.text().unwrap(), value.as_f64().unwrap()))
    });
    matching.collect()
}

#[test]
fn the_text_is_what_prometheus_reads() {
    let Some(python) = python() else { skip!("no Python with prometheus_client") };
    let mut supervisor = Supervisor::start();
    supervisor.create_running("web", &sleeper().with("instances", 2));
    supervisor.create("brief", &shell("exit 3").with("restart", "never"));
    supervisor.wait_for("brief", "exited");
    supervisor.do_and_wait("restart", "web");
    let families = parse(&python, &tool::done(&supervisor, &["metrics"]));
    let kind = |family: &str| families.get(family).and_then(|it| it.get("type")).and_then(Value::text);
    assert_eq!(kind("procnanny_instance_state"), Some("stateset"));
    assert_eq!(kind("procnanny_instance_starts"), Some("counter"));
    assert_eq!(kind("procnanny_loop_turn_seconds"), Some("histogram"));
    assert_eq!(kind("procnanny_build"), Some("info"));
    let unit = families.get("procnanny_instance_resident_memory_bytes").and_then(|it| it.get("unit"));
    assert_eq!(unit.and_then(Value::text), Some("bytes"));
    let web = [("program", "web"), ("instance", "1")];
    assert_eq!(
        samples(&families, "procnanny_instance_starts", &web),
        [("procnanny_instance_starts_total", 2.0)]
    );
    let states = samples(&families, "procnanny_instance_state", &web);
    assert_eq!((states.len(), states.iter().map(|(_, value)| value).sum::<f64>()), (8, 1.0));
    let exits = [("program", "brief"), ("cause", "exit")];
    assert_eq!(
        samples(&families, "procnanny_instance_exits", &exits),
        [("procnanny_instance_exits_total", 1.0)]
    );
    assert_eq!(
        samples(&families, "procnanny_instances", &[("state", "running")]),
        [("procnanny_instances", 2.0)]
    );
    for (name, family) in families.as_map().unwrap() {
        assert!(family.get("help").and_then(Value::text).is_some_and(|help| help.ends_with('.')), "{name:?}");
    }
}

#[test]
fn strange_names_come_through() {
    let Some(python) = python() else { skip!("no Python with prometheus_client") };
    let mut supervisor = Supervisor::start();
    let names = ["a\"b", "back\\slash", "\\n", "{x=\"y\"} 1", "# EOF", "é 漢 🐄", "trailing\\"];
    for name in names {
        supervisor.create(name, &sleeper().with("start", false));
    }
    let families = parse(&python, &crate::text(&supervisor));
    for name in names {
        let found = samples(&families, "procnanny_instance_starts", &[("program", name), ("instance", "0")]);
        assert_eq!(found, [("procnanny_instance_starts_total", 0.0)], "{name:?}");
    }
    assert_eq!(samples(&families, "procnanny_instance_starts", &[]).len(), names.len());
}

#[test]
fn a_supervisor_without_programs_has_a_text_too() {
    let Some(python) = python() else { skip!("no Python with prometheus_client") };
    let supervisor = Supervisor::start();
    let families = parse(&python, &crate::text(&supervisor));
    assert_eq!(samples(&families, "procnanny_programs", &[]), [("procnanny_programs", 0.0)]);
    assert!(samples(&families, "procnanny_instance_state", &[]).is_empty());
}
