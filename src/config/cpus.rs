//! `cpus`: numbers and ranges of processors, as the kernel writes them: `"0-3,6"` (cpuset(7), "List format").

use super::convert::Expected;
use crate::core::order;
use crate::core::settings::Cpus;
use crate::sys::scheduling;
use crate::wire::value::Value;

/// No kernel has more: the largest `CONFIG_NR_CPUS` of any architecture.
const MOST: u32 = 8192;

/// The longest list, in characters: ranges may overlap, and each number of each is looked at.
const LONGEST: usize = 4096;

/// Reads a list, or the number of one processor, and makes sure that this machine has them.
pub fn read(value: &Value) -> Result<Cpus, Expected> {
    let present = scheduling::present_cpus();
    read_among(value, present.as_deref().and_then(parse).as_deref())
}

fn read_among(value: &Value, present: Option<&[u32]>) -> Result<Cpus, Expected> {
    let expected = || "a list of processors, such as \"0-3,6\"".to_string();
    let numbers = match value.as_i64() {
        Some(number) => u32::try_from(number).ok().map(|number| vec![number]),
        None => value.text().and_then(parse),
    };
    let numbers = numbers.ok_or_else(expected)?;
    let missing =
        present.and_then(|present| numbers.iter().find(|number| present.binary_search(number).is_err()));
    match (missing, present) {
        (Some(missing), Some(present)) => {
            let have = list(present);
            Err(format!("processors of this machine, which are {have}; there is no {missing}"))
        }
        _ => Ok(Cpus(numbers)),
    }
}

/// The numbers of a list, in order, each once; `None` for what is not a list, or empty.
fn parse(text: &str) -> Option<Vec<u32>> {
    if text.len() > LONGEST {
        return None;
    }
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return None;
        }
        numbers.extend(first..=last);
    }
    order::sort(&mut numbers);
    numbers.dedup();
    Some(numbers)
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim_matches(' ');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|number| *number < MOST) } else { None }
}

/// The list of numbers that are in order.
pub fn list(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let shown = runs.filter_map(|run| match run {
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
        [] => None,
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, numbers, written) in [
            ("0", &[0][..], "0"),
            ("0-3,6", &[0, 1, 2, 3, 6], "0-3,6"),
            ("6, 0-1 ,1", &[0, 1, 6], "0-1,6"),
            ("2,4", &[2, 4], "2,4"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(numbers), "{text}");
            assert_eq!(list(numbers), written);
        }
        for wrong in ["", ",", "a", "3-1", "1-", "-1", "+1", "0x1", "1 2", "9999999999", "0-4000000000"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_that_does_not_exist_is_refused() {
        let read = |value: Value| read_among(&value, Some(&[0, 1, 2, 4]));
        assert_eq!(read(Value::Int(2)), Ok(Cpus(vec![2])));
        assert_eq!(read(Value::from("1-2,4")), Ok(Cpus(vec![1, 2, 4])));
        let refused = read(Value::from("0-3")).unwrap_err();
        assert_eq!(refused, "processors of this machine, which are 0-2,4; there is no 3");
        assert!(read(Value::Int(-1)).is_err());
        assert!(read(Value::Bool(true)).is_err());
        // Where nobody can tell, the start will.
        assert_eq!(read_among(&Value::Int(7), None), Ok(Cpus(vec![7])));
    }
}
