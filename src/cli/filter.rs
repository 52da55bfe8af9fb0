//! Which events are about what was named on the command line.

use crate::core::fleet::Selection;
use crate::core::glob::Glob;
use crate::wire::value::Value;

/// A choice of events.
#[derive(Debug)]
pub struct Filter {
    /// Programs, each with one of its instances or all; none: everything.
    selected: Vec<(Glob, Option<u32>)>,
}

impl Filter {
    /// Selectors as the supervisor reads them.
    pub fn new(selectors: &[String]) -> Self {
        let mut selection = Selection::default();
        for selector in selectors {
            selection.name(selector);
        }
        let selected = selection.programs.into_iter();
        Self { selected: selected.map(|(pattern, instance)| (Glob::new(&pattern), instance)).collect() }
    }

    /// Whether an event is about one of them. Those of the supervisor itself are about none.
    pub fn admits(&self, event: &Value) -> bool {
        if self.selected.is_empty() {
            return true;
        }
        let Some(program) = event.get("program").and_then(Value::text) else { return false };
        let number = event.get("instance").and_then(Value::as_u64);
        // What is about a program as a whole is about each of its instances.
        let is_of = |one: Option<u32>| one.is_none() || number.is_none() || number == one.map(u64::from);
        self.selected.iter().any(|(glob, one)| glob.matches(program) && is_of(*one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn selectors_admit_what_they_name() {
        let event = |json: &str| json::parse(json).unwrap();
        let admitted = |selectors: &[&str], of: &str| {
            let selectors: Vec<String> = selectors.iter().map(|selector| (*selector).to_string()).collect();
            Filter::new(&selectors).admits(&event(of))
        };
        let web1 = r#"{"program":"web","instance":1}"#;
        assert!(admitted(&[], web1) && admitted(&["web"], web1) && admitted(&["db", "w*"], web1));
        assert!(admitted(&["web/1"], web1) && admitted(&["*/1"], web1) && admitted(&["web/*"], web1));
        assert!(!admitted(&["web/2"], web1) && !admitted(&["db"], web1) && !admitted(&["we"], web1));
        let created = r#"{"program":"web","event":"created"}"#;
        assert!(admitted(&["web/2"], created) && !admitted(&["db"], created));
        let started = r#"{"event":"started"}"#;
        assert!(admitted(&[], started) && !admitted(&["*"], started));
    }
}
