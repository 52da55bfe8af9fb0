//! From a value of TOML to a value of the wire, so that a setting from a file is read by what reads it from a request.

use crate::core::order;
use crate::wire::value::Value;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

/// What TOML has and settings have not: where it is, and a sentence.
pub type Unfit = (Range<usize>, &'static str);

/// A key and its value, as they stand in the file.
pub type Entry<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// The entries of a table in the order of the file.
pub fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    order::sort_by_key(&mut entries, |(key, _)| key.span().start);
    entries
}

/// A value as a request would have it.
///
/// # Errors
/// A date, and a number that is too large.
pub fn to_value(value: &Spanned<DeValue<'_>>) -> Result<Value, Unfit> {
    let too_large = (value.span(), "this number is too large, expected one that 64 bits can hold");
    match value.get_ref() {
        DeValue::String(text) => Ok(Value::from(&**text)),
        DeValue::Integer(number) => integer(number).ok_or(too_large),
        DeValue::Float(number) => number.as_str().parse().map(Value::Float).map_err(|_| too_large),
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        DeValue::Datetime(_) => {
            Err((value.span(), "no setting is a date; as a string it would be in quotes"))
        }
        DeValue::Array(items) => items.iter().map(to_value).collect::<Result<_, _>>().map(Value::Array),
        DeValue::Table(table) => {
            let entry = |(key, value): Entry<'_, '_>| Ok((Value::from(&**key.get_ref()), to_value(value)?));
            entries(table).into_iter().map(entry).collect::<Result<_, _>>().map(Value::Map)
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Option<Value> {
    let signed = i64::from_str_radix(number.as_str(), number.radix()).map(Value::from);
    signed.or_else(|_| u64::from_str_radix(number.as_str(), number.radix()).map(Value::from)).ok()
}

/// The part of a value that a setting is refused for: the key of a table or the element of an array without which the
/// rest would be accepted. The whole value if there is no such part.
pub fn at_fault(
    value: &Spanned<DeValue<'_>>,
    as_read: &Value,
    is_accepted: impl Fn(&Value) -> bool,
) -> Range<usize> {
    /// Each is tried.
    const MOST: usize = 64;
    let spans: Vec<Range<usize>> = match value.get_ref() {
        DeValue::Table(table) => entries(table).iter().map(|(key, _)| key.span()).collect(),
        DeValue::Array(items) => items.iter().map(Spanned::span).collect(),
        _ => Vec::new(),
    };
    if spans.len() > MOST {
        return value.span();
    }
    let is_at_fault = |index: &usize| is_accepted(&without(as_read, *index));
    let index = (0..spans.len()).find(is_at_fault);
    index.and_then(|index| spans.get(index).cloned()).unwrap_or_else(|| value.span())
}

/// A table or an array without one of its parts.
fn without(value: &Value, index: usize) -> Value {
    fn rest<T: Clone>(items: &[T], index: usize) -> Vec<T> {
        items.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, item)| item.clone()).collect()
    }
    match value {
        Value::Array(items) => Value::Array(rest(items, index)),
        Value::Map(entries) => Value::Map(rest(entries, index)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Value, Unfit> {
        let table = DeTable::parse(toml).unwrap();
        to_value(table.get_ref().get("a").unwrap())
    }

    #[test]
    fn every_type_has_its_counterpart() {
        for (toml, value) in [
            ("a = 'b'", Value::from("b")),
            ("a = -1_000", Value::Int(-1000)),
            ("a = 0o022", Value::Int(0o22)),
            ("a = 0xff", Value::Int(255)),
            ("a = +7", Value::Int(7)),
            ("a = 18446744073709551615", Value::Uint(u64::MAX)),
            ("a = 1.5e3", Value::Float(1500.0)),
            ("a = true", Value::Bool(true)),
            ("a = [1, 'b']", Value::Array(vec![Value::Int(1), Value::from("b")])),
            ("a.z = 1\na.b = 2", Value::map([("z", Value::Int(1)), ("b", Value::Int(2))])),
        ] {
            assert_eq!(read(toml), Ok(value), "{toml}");
        }
        assert_eq!(read("a = 2026-11-23").unwrap_err().0, 4..14);
        assert_eq!(read("a = [1, 18446744073709551616]").unwrap_err().0, 8..28);
    }

    #[test]
    fn the_part_at_fault_is_found() {
        let fault = |toml: &str| {
            let table = DeTable::parse(toml).unwrap();
            let value = table.get_ref().get("a").unwrap();
            let bad = |value: &Value| *value == Value::Int(0);
            at_fault(value, &to_value(value).unwrap(), |value| match value {
                Value::Array(items) => !items.iter().any(bad),
                Value::Map(entries) => !entries.iter().any(|(_, value)| bad(value)),
                other => !bad(other),
            })
        };
        assert_eq!(fault("a = { b = 1, c = 0 }"), 13..14);
        assert_eq!(fault("a = [1, 0]"), 8..9);
        assert_eq!(fault("a = [0, 0]"), 4..10, "two at once");
        assert_eq!(fault("a = 0"), 4..5);
    }
}
