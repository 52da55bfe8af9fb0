use super::*;
use crate::wire::value::Value;

fn understood(entries: &[(&str, Value)], access: Access) -> Result<Request, ApiError> {
    let request = Value::map(entries.iter().map(|(name, value)| (*name, value.clone())));
    understand(Arguments::of(&request)?, access)
}

fn refused(entries: &[(&str, Value)]) -> (Code, String) {
    let error = understood(entries, Access::Admin).unwrap_err();
    (error.code, error.sentence)
}

fn text(text: &str) -> Value {
    Value::from(text)
}

#[test]
fn what_is_not_a_request_is_refused_with_its_code() {
    let malformed = Arguments::of(&Value::Int(3)).unwrap_err();
    assert_eq!(malformed.code, Code::Malformed);
    let keyed = Value::Map(vec![(Value::Int(3), Value::Nil)]);
    assert_eq!(Arguments::of(&keyed).unwrap_err().code, Code::Malformed);
    assert_eq!(refused(&[]), (Code::BadArgument, "Message had no 'request' field".to_string()));
    assert_eq!(
        refused(&[("request", text("fizzle"))]),
        (Code::NoSuchMethod, "No such method requested".to_string())
    );
    assert_eq!(refused(&[("request", Value::Int(1))]).0, Code::BadArgument);
}

#[test]
fn arguments_are_checked_one_by_one() {
    let start = ("request", text("start"));
    assert_eq!(refused(std::slice::from_ref(&start)).1, "Message is missing 'program' field");
    assert_eq!(
        refused(&[start.clone(), ("progam", text("web"))]).1,
        "There is no argument \"progam\"; did you mean 'program'?"
    );
    let web = ("program", text("web"));
    assert_eq!(
        refused(&[start.clone(), web.clone(), ("wait", text("yes"))]).1,
        "'wait' is \"yes\", expected true or false"
    );
    assert!(
        refused(&[start.clone(), web.clone(), ("instance", Value::Int(-1))])
            .1
            .contains("number of an instance")
    );
    assert!(
        refused(&[start.clone(), web.clone(), ("timeout", Value::Int(90_000))]).1.contains("at most a day")
    );
    assert!(refused(&[start, ("program", Value::Array(vec![]))]).1.contains("an array of those"));
    let transition = [("request", text("transition")), web, ("state", text("flying"))];
    assert!(refused(&transition).1.contains("\"new\", \"waiting\""));
}

#[test]
fn access_goes_before_arguments() {
    let error = understood(&[("request", text("create"))], Access::Control).unwrap_err();
    assert_eq!(error.code, Code::Forbidden);
    assert!(understood(&[("request", text("dance"))], Access::Read).is_ok());
    for method in METHODS {
        let request = [("request", text(method.name))];
        let forbidden = |access| matches!(understood(&request, access), Err(e) if e.code == Code::Forbidden);
        assert_eq!(forbidden(Access::Read), method.access > Access::Read, "{}", method.name);
        assert!(!forbidden(Access::Admin), "{}", method.name);
    }
}

#[test]
fn create_takes_settings_and_update_keeps_restart_apart() {
    let create = |extra: &[(&str, Value)]| {
        let mut entries = vec![("request", text("create")), ("program", text("web"))];
        entries.extend_from_slice(extra);
        understood(&entries, Access::Admin)
    };
    assert_eq!(create(&[]).unwrap_err().sentence, "Message is missing 'command' field");
    let Ok(Request::Create { settings, start, .. }) =
        create(&[("command", text("x")), ("restart", text("never")), ("autostart", Value::Bool(false))])
    else {
        panic!("not understood")
    };
    assert_eq!(settings.policy.restart, crate::core::program::Restart::Never);
    assert_eq!(start, Starting::Later);
    assert!(
        create(&[("program", text("a/b")), ("command", text("x"))]).is_ok(),
        "the first of a name counts"
    );

    let update = |value: Value| {
        understood(
            &[("request", text("update")), ("program", text("web")), ("restart", value)],
            Access::Admin,
        )
    };
    let Ok(Request::Update { changes, restart, .. }) = update(Value::Bool(true)) else {
        panic!("not understood")
    };
    assert_eq!((changes.len(), restart), (0, Restarting::Rolling));
    let Ok(Request::Update { changes, restart, .. }) = update(text("never")) else {
        panic!("not understood")
    };
    assert_eq!((changes.len(), restart), (1, Restarting::Not));
    assert!(update(Value::Bool(false)).is_err());
}

#[test]
fn nil_stands_for_left_out() {
    let entries = [("request", text("wait")), ("program", Value::Nil), ("state", text("running"))];
    let Ok(Request::Wait { selection, timeout, .. }) = understood(&entries, Access::Read) else {
        panic!("not understood")
    };
    assert!(selection.programs.is_empty());
    assert_eq!(timeout, DEFAULT_WAIT);
}
