//! `capabilities`: an array of names, checked against those that this kernel has.

use super::convert::{Expected, quoted};
use crate::core::nearest::nearest;
use crate::core::settings::Capabilities;
use crate::sys::capabilities;
use crate::wire::value::Value;

/// Reads an array of names, with or without `CAP_`, in any case.
pub fn read(value: &Value) -> Result<Capabilities, Expected> {
    let expected = || "an array of names of capabilities, such as [\"net_bind_service\"]".to_string();
    let names = value.as_array().ok_or_else(expected)?;
    let of_kernel = capabilities::of_kernel();
    let mut set = 0;
    for name in names {
        let name = name.text().ok_or_else(expected)?;
        let one = capabilities::named(name).ok_or_else(|| unknown(name))?;
        if one & of_kernel == 0 {
            return Err(format!("capabilities that this kernel has; it has no '{name}'"));
        }
        set |= one;
    }
    Ok(Capabilities(set))
}

fn unknown(name: &str) -> Expected {
    let bare = name.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("cap_")).and_then(|_| name.get(4..));
    match nearest(bare.unwrap_or(name), capabilities::NAMES.into_iter()) {
        Some(near) => format!("names of capabilities; there is no {}, did you mean '{near}'?", quoted(name)),
        None => format!("names of capabilities(7); there is no {}", quoted(name)),
    }
}

/// The names of a set.
pub fn to_value(set: Capabilities) -> Value {
    Value::Array(capabilities::names(set.0).map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Result<Capabilities, String> {
        read(&Value::Array(names.iter().map(|name| Value::from(*name)).collect()))
    }

    #[test]
    fn names_are_taken_in_any_spelling() {
        assert_eq!(of(&["CAP_CHOWN", "kill", "Cap_Kill"]), Ok(Capabilities(0b10_0001)));
        assert_eq!(of(&[]), Ok(Capabilities(0)));
        assert_eq!(to_value(Capabilities(0b10_0001)), Value::Array(vec!["chown".into(), "kill".into()]));
    }

    #[test]
    fn an_unknown_one_is_named() {
        assert!(of(&["CAP_NET_BIND_SERVIC"]).unwrap_err().contains("did you mean 'net_bind_service'?"));
        assert!(of(&["everything"]).unwrap_err().contains("there is no 'everything'"));
        assert!(read(&Value::from("kill")).is_err());
        assert!(read(&Value::Array(vec![Value::Int(1)])).is_err());
    }
}
