//! Who asked for something, in words.

use super::instances::{integer, text};
use crate::wire::value::Value;

/// Who asked, in as few words as will do: `stop, procnanny[123] uid 0`. Empty if nobody did.
pub fn short(asker: &Value) -> String {
    let what = text(asker, "what");
    match (who(asker), text(asker, "program")) {
        (Some(who), _) => format!("{what}, {who}"),
        (None, "") => what.to_string(),
        (None, program) => format!("{what} {program}"),
    }
}

/// Who asked, as the beginning of a sentence: `procnanny[123] uid 0 asked for it ('stop')`. `None` if nobody did.
pub fn sentence(asker: &Value) -> Option<String> {
    let what = text(asker, "what");
    match (who(asker), text(asker, "program")) {
        _ if what.is_empty() => None,
        (Some(who), _) => Some(format!("{who} asked for that, with '{what}'")),
        (None, "") => Some(format!("That was because of its {}", what.replace('-', " "))),
        (None, program) => Some(format!("That was because of '{program}', which it requires")),
    }
}

/// Somebody outside; `None` if it was a part of the supervisor itself.
fn who(asker: &Value) -> Option<String> {
    if let Some(address) = asker.get("address").and_then(Value::text) {
        return Some(address.to_string());
    }
    let uid = asker.get("uid").and_then(Value::as_u64)?;
    let command = asker.get("command").and_then(Value::text).unwrap_or("a process");
    Some(match integer(asker, "pid") {
        0 => format!("{command} of uid {uid}"),
        pid => format!("{command}[{pid}] of uid {uid}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn askers_in_words() {
        let told = |json: &str| {
            let asker = json::parse(json).unwrap();
            (short(&asker), sentence(&asker).unwrap_or_default())
        };
        let pair = |short: &str, sentence: &str| (short.to_string(), sentence.to_string());
        assert_eq!(
            told(r#"{"what":"stop","uid":0,"pid":12,"command":"python3"}"#),
            pair("stop, python3[12] of uid 0", "python3[12] of uid 0 asked for that, with 'stop'")
        );
        assert_eq!(
            told(r#"{"what":"kill","uid":7,"pid":0,"command":null}"#).0,
            "kill, a process of uid 7".to_string()
        );
        assert_eq!(told(r#"{"what":"kill","address":"[::1]:7"}"#).0, "kill, [::1]:7".to_string());
        assert_eq!(
            told(r#"{"what":"health-check"}"#),
            pair("health-check", "That was because of its health check")
        );
        assert_eq!(
            told(r#"{"what":"requirement","program":"db"}"#),
            pair("requirement db", "That was because of 'db', which it requires")
        );
        assert_eq!(told("null"), pair("", ""));
    }
}
