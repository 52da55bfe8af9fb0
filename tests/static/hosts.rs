//! Names of hosts: those of `/etc/hosts`, without the shared libraries that a C library would look them up with.

use super::root::Root;
use procnanny::wire::value::Value;

/// The port of the endpoint that was bound for us on the network.
fn port(root: &Root) -> String {
    let info = root.call(&["info"]);
    let endpoints = info.get("endpoints").and_then(Value::as_array).unwrap();
    let addresses = endpoints.iter().filter_map(|it| it.get("endpoint")?.text());
    let port = addresses.filter_map(|address| address.strip_prefix("tcp://127.0.0.1:")).next();
    port.unwrap_or_else(|| panic!("{info:?}")).to_string()
}

#[test]
fn a_supervisor_is_found_by_the_name_of_its_host() {
    let Some(root) = Root::new() else { return };
    root.write("etc/hosts", "127.0.0.1 box box.example\n");
    let ipc = "ipc:///run/procnanny/rpc";
    let supervisor = root.supervise(&["--endpoint", ipc, "--endpoint", "tcp://127.0.0.1:*"]);
    let port = port(&root);
    // The last is known everywhere; this file does not have it.
    for host in ["127.0.0.1", "box", "BOX.example", "localhost"] {
        let said = root.done(&["--rpc", &format!("tcp://{host}:{port}"), "info"]);
        assert!(said.contains(ipc), "{host}: {said}");
    }
    let unknown = root.run(&["--rpc", &format!("tcp://elsewhere.example:{port}"), "info"]);
    assert!(unknown.expect_only_error(1).contains("Name or service not known"), "{unknown:?}");
    root.done(&["shutdown"]);
    assert_eq!(supervisor.wait().status.code(), Some(0));
}
