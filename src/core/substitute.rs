//! Substitution in settings: `%n` program name, `%i` instance, `%u` uid, `%g` gid, `%%` a percent sign; in the names of
//! log files also `%s`, `stdout` or `stderr`.
//!
//! What is none of ours stays as it is, so that `date +%Y` needs no doubling.

use super::ids::InstanceIndex;
use super::log::OutputSource;

/// What the letters stand for.
#[derive(Clone, Copy, Debug)]
pub struct Substitution<'a> {
    /// `%n`.
    pub program: &'a str,
    /// `%i`.
    pub instance: InstanceIndex,
    /// `%u`.
    pub uid: u32,
    /// `%g`.
    pub gid: u32,
    /// `%s`, where it is about one of the two.
    pub source: Option<OutputSource>,
}

impl Substitution<'_> {
    /// `text` with every letter of ours replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            result.push_str(before);
            let mut letters = from.chars();
            letters.next();
            match letters.next() {
                Some('n') => result.push_str(self.program),
                Some('i') => result.push_str(&self.instance.to_string()),
                Some('u') => result.push_str(&self.uid.to_string()),
                Some('g') => result.push_str(&self.gid.to_string()),
                Some('%') => result.push('%'),
                Some('s') => result.push_str(self.source.map_or("%s", OutputSource::as_str)),
                Some(other) => result.extend(['%', other]),
                None => result.push('%'),
            }
            rest = letters.as_str();
        }
        result.push_str(rest);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_replaced_and_the_rest_stays() {
        let here = Substitution {
            program: "hello world",
            instance: InstanceIndex(7),
            uid: 500,
            gid: 501,
            source: None,
        };
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("%n/%i", "hello world/7"),
            ("%u:%g", "500:501"),
            ("100%", "100%"),
            ("%%i", "%i"),
            ("%%%i", "%7"),
            ("date +%Y-%m", "date +%Y-%m"),
            ("%ß%i", "%ß7"),
            ("%s", "%s"),
        ] {
            assert_eq!(here.apply(text), expected, "{text}");
        }
        let of_stderr = Substitution { source: Some(OutputSource::Stderr), ..here };
        assert_eq!(of_stderr.apply("%n.%i.%s"), "hello world.7.stderr");
    }
}
