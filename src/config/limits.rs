//! `limits`: the resource limits of a program, each a number, a size, `"unlimited"` or a soft and a hard value.

use super::convert::{Expected, quoted};
use super::units;
use crate::core::nearest::nearest;
use crate::core::settings::LimitSetting;
use crate::sys::limits::{Limit, UNLIMITED};
use crate::wire::value::Value;

const WORD: &str = "unlimited";

/// Reads the whole table.
pub fn read(value: &Value) -> Result<Vec<LimitSetting>, Expected> {
    let table = || "a table of limits, such as { nofile = 4096, core = \"unlimited\" }".to_string();
    let mut limits: Vec<LimitSetting> = Vec::new();
    for (name, value) in value.as_map().ok_or_else(table)? {
        let name = known(name.text().ok_or_else(table)?)?;
        let (soft, hard) = values(value).ok_or_else(|| {
            format!(
                "'limits.{name}' to be a number, a size such as \"64M\", \"unlimited\" or {{ soft = …, hard = … }} \
                 of those"
            )
        })?;
        if soft > hard {
            return Err(format!("the soft value of 'limits.{name}' not to be above the hard one"));
        }
        // What stands twice in a table holds as it stands last.
        limits.retain(|limit| limit.name != name);
        limits.push(LimitSetting { name, soft, hard });
    }
    Ok(limits)
}

fn known(name: &str) -> Result<&'static str, Expected> {
    if let Some(limit) = Limit::named(name) {
        return Ok(limit.name());
    }
    let names = || Limit::ALL.iter().map(|limit| limit.name());
    Err(match nearest(name, names()) {
        Some(near) => format!("names of limits; there is no {}, did you mean '{near}'?", quoted(name)),
        None => format!(
            "names of limits ({}); there is no {}",
            names().collect::<Vec<_>>().join(", "),
            quoted(name)
        ),
    })
}

/// Soft and hard value.
fn values(value: &Value) -> Option<(u64, u64)> {
    if value.as_map().is_some() {
        let (Some(soft), Some(hard), 2) = (value.get("soft"), value.get("hard"), value.as_map()?.len())
        else {
            return None;
        };
        return Some((number(soft)?, number(hard)?));
    }
    let both = number(value)?;
    Some((both, both))
}

fn number(value: &Value) -> Option<u64> {
    match value.text() {
        Some(WORD) => Some(UNLIMITED),
        Some(text) => units::parse_size(text).ok(),
        None => value.as_u64(),
    }
}

/// The table as a value.
pub fn to_value(limits: &[LimitSetting]) -> Value {
    Value::map(limits.iter().map(|limit| {
        let value = if limit.soft == limit.hard {
            of_number(limit.soft)
        } else {
            Value::map([("soft", of_number(limit.soft)), ("hard", of_number(limit.hard))])
        };
        (limit.name, value)
    }))
}

fn of_number(number: u64) -> Value {
    if number == UNLIMITED { Value::from(WORD) } else { Value::from(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: Value) -> Result<Vec<LimitSetting>, String> {
        read(&Value::map([(name, value)]))
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let both = |soft, hard| Ok(vec![LimitSetting { name: "as", soft, hard }]);
        assert_eq!(one("as", Value::Int(4096)), both(4096, 4096));
        assert_eq!(one("as", Value::from("64M")), both(64 << 20, 64 << 20));
        assert_eq!(one("as", Value::from("unlimited")), both(UNLIMITED, UNLIMITED));
        let pair = Value::map([("hard", Value::from("unlimited")), ("soft", Value::from("1K"))]);
        assert_eq!(one("as", pair), both(1024, UNLIMITED));
    }

    #[test]
    fn all_sixteen_are_taken_and_given_back() {
        let table = Value::map(Limit::ALL.iter().map(|limit| (limit.name(), Value::from("unlimited"))));
        let limits = read(&table).unwrap();
        assert_eq!(limits.len(), 16);
        assert_eq!(to_value(&limits), table);
        let pair = Value::map([("soft", Value::Int(1)), ("hard", Value::Int(2))]);
        assert_eq!(to_value(&one("cpu", pair.clone()).unwrap()), Value::map([("cpu", pair)]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(one("nofiles", Value::Int(1)).unwrap_err().contains("did you mean 'nofile'?"));
        assert!(one("memory", Value::Int(1)).unwrap_err().contains("(as, core, cpu, "));
        for wrong in [Value::Int(-1), Value::from("64 M"), Value::from("none"), Value::Bool(true), Value::Nil]
        {
            assert!(one("core", wrong.clone()).unwrap_err().starts_with("'limits.core' to be"), "{wrong:?}");
        }
        let above = Value::map([("soft", Value::from("unlimited")), ("hard", Value::Int(2))]);
        assert!(one("stack", above).unwrap_err().contains("soft value of 'limits.stack'"));
        let half = Value::map([("soft", Value::Int(2))]);
        assert!(one("stack", half).is_err());
        let strange = Value::map([("soft", Value::Int(1)), ("hrad", Value::Int(2))]);
        assert!(one("stack", strange).is_err());
        assert!(read(&Value::Int(3)).is_err());
    }

    #[test]
    fn the_last_of_two_holds() {
        let twice = Value::map([("cpu", Value::Int(1)), ("cpu", Value::Int(2))]);
        assert_eq!(read(&twice), Ok(vec![LimitSetting { name: "cpu", soft: 2, hard: 2 }]));
    }
}
