//! What programs need of one another: one program starts only when others are there.
//!
//! | file | what is there |
//! | --- | --- |
//! | here | what one program can ask of another, as it is written |
//! | `check` | names that nobody has, and programs that would wait for each other for ever |
//! | `standing` | what an instance is to those who need its program, and instances counted by that |
//! | `graph` | who needs whom, and whether what is needed is there |
//! | `order` | those that are needed first, or last |

pub mod check;
pub mod graph;
pub mod order;
pub mod standing;

use super::program::name_error;
use std::fmt;

/// What has to be true of a program that another one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// All its instances are `running`.
    Running,
    /// All its instances have ended with success since they were last started, and rest in `exited`.
    Completed,
}

/// How much a program needs another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// It waits until the other one is there.
    Requires,
    /// It waits only for as long as the other one is on its way.
    Wants,
}

/// What becomes of a program when one that it requires goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bond {
    /// Nothing: it needed it to start.
    #[default]
    Loose,
    /// It is stopped, and started again when the other one is back.
    Bound,
}

/// What a program asks of another one: `db`, or `migrate:completed`.
///
/// What follows the last colon is a condition only if it is `completed`, so that other names with colons can be asked
/// for as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The name of the other program.
    pub program: String,
    /// What has to be true of it.
    pub condition: Condition,
}

/// All that a program needs of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// `requires`, in the order given.
    pub requires: Vec<Requirement>,
    /// `wants`, in the order given.
    pub wants: Vec<Requirement>,
    /// `bound`.
    pub bond: Bond,
}

const COMPLETED: &str = ":completed";

impl Strength {
    /// The name of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Strength::Requires => "requires",
            Strength::Wants => "wants",
        }
    }
}

impl Requirement {
    /// Reads `NAME` or `NAME:completed`.
    ///
    /// # Errors
    /// Why it cannot be the name of a program: a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (program, condition) = match text.strip_suffix(COMPLETED) {
            Some(program) => (program, Condition::Completed),
            None => (text, Condition::Running),
        };
        match name_error(program) {
            Some(error) => Err(error),
            None => Ok(Self { program: program.to_string(), condition }),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition {
            Condition::Running => f.write_str(&self.program),
            Condition::Completed => write!(f, "{}{COMPLETED}", self.program),
        }
    }
}

impl Needs {
    /// Whether it needs nothing.
    pub fn is_empty(&self) -> bool {
        self.requires.is_empty() && self.wants.is_empty()
    }

    /// One of all that is needed, by its place in [`Needs::iter`].
    pub fn get(&self, place: usize) -> Option<(Strength, &Requirement)> {
        match place.checked_sub(self.requires.len()) {
            None => self.requires.get(place).map(|requirement| (Strength::Requires, requirement)),
            Some(place) => self.wants.get(place).map(|requirement| (Strength::Wants, requirement)),
        }
    }

    /// All that is needed, `requires` first.
    pub fn iter(&self) -> impl Iterator<Item = (Strength, &Requirement)> {
        let requires = self.requires.iter().map(|requirement| (Strength::Requires, requirement));
        requires.chain(self.wants.iter().map(|requirement| (Strength::Wants, requirement)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_they_are_written() {
        for (text, program, condition) in [
            ("db", "db", Condition::Running),
            ("migrate:completed", "migrate", Condition::Completed),
            ("a:b", "a:b", Condition::Running),
            ("a:running", "a:running", Condition::Running),
            ("x:completed:completed", "x:completed", Condition::Completed),
        ] {
            let read = Requirement::parse(text).unwrap();
            assert_eq!((read.program.as_str(), read.condition), (program, condition), "{text}");
            assert_eq!(read.to_string(), text);
        }
        for wrong in ["", ":completed", "a/0", "w*", "-x"] {
            assert!(Requirement::parse(wrong).is_err(), "{wrong}");
        }
    }
}
