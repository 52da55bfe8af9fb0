//! What the supervisor at the other end can be asked: it may be of another version.

use crate::wire::value::Value;

/// What there is beside what every supervisor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// `list` tells what processes use.
    pub usage: Ability,
    /// `history`.
    pub history: Ability,
    /// `why`.
    pub why: Ability,
    /// `tail`.
    pub tail: Ability,
}

/// Whether there is something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ability {
    /// There is.
    There,
    /// There is not.
    #[default]
    Missing,
}

impl Abilities {
    /// What a reply to `methods` tells.
    pub fn of(reply: &Value) -> Self {
        let method = |name: &str| reply.get("methods").and_then(|methods| methods.get(name));
        let usage = method("list").and_then(|list| list.get("arguments")?.get("usage"));
        Self {
            usage: Ability::of(usage),
            history: Ability::of(method("history")),
            why: Ability::of(method("why")),
            tail: Ability::of(method("tail")),
        }
    }
}

impl Ability {
    fn of(found: Option<&Value>) -> Self {
        if found.is_some() { Ability::There } else { Ability::Missing }
    }

    /// Whether there is.
    pub fn is_there(self) -> bool {
        self == Ability::There
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn what_is_not_listed_is_missing() {
        let of = |json: &str| Abilities::of(&json::parse(json).unwrap());
        let all = of(r#"{"methods":{"list":{"arguments":{"usage":{}}},"history":{},"why":{},"tail":{}}}"#);
        assert!(all.usage.is_there() && all.history.is_there() && all.why.is_there() && all.tail.is_there());
        let old = of(r#"{"methods":{"list":{"arguments":{"program":{}}}}}"#);
        assert_eq!(old, Abilities::default());
        assert_eq!(of("{}"), Abilities::default());
    }
}
