//! How commands end: the exit codes, and the errors that lead to them. The only place that maps one to the other.

use super::render::text;
use crate::wire::value::Value;
use std::fmt;
use std::io::{self, ErrorKind, Write};

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It is as it was asked for.
    Done,
    /// It is not; what is wrong has been said.
    Failed,
    /// Something that was named is not up.
    NotUp,
    /// As a program ended that this ended with.
    As(u8),
}

/// What kept a command from doing its work.
#[derive(Debug)]
pub enum Failure {
    /// The command line was wrong.
    Usage(String),
    /// The supervisor refused.
    Refused(Refusal),
    /// Nothing is there of what was named.
    NoSuch(String),
    /// There is no supervisor at the endpoint, or there is none any more.
    NoSupervisor(String),
    /// It did not happen in time, or nothing was answered in time.
    NotInTime(String),
    /// Anything else.
    Failed(String),
    /// Standard output could not be written to.
    Output(io::Error),
    /// A signal, or a key, asked to end.
    Interrupted,
}

/// An error that the supervisor answered with.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The stable word.
    pub code: String,
    /// What was wrong.
    pub sentence: String,
}

impl Refusal {
    /// The error that a reply is; `None` if it is none.
    pub fn of(reply: &Value) -> Option<Self> {
        let sentence = reply.get("error")?.text().unwrap_or("refused without a reason").to_string();
        let code = reply.get("code").and_then(Value::text).unwrap_or("").to_string();
        Some(Self { code, sentence })
    }
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::NotUp => 3,
            Exit::As(code) => code,
        }
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            // Nobody reads any more: that is the reader's business, and no error.
            Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => 0,
            Failure::Interrupted => 0,
            Failure::Output(_) | Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::NoSuch(_) => 4,
            Failure::NoSupervisor(_) => 5,
            Failure::NotInTime(_) => 6,
            Failure::Refused(refusal) => match refusal.code.as_str() {
                "no-such-program" | "no-such-instance" => 4,
                "timeout" => 6,
                _ => 1,
            },
        }
    }

    /// Whether there is anything to say about it.
    fn is_quiet(&self) -> bool {
        match self {
            Failure::Output(error) => error.kind() == ErrorKind::BrokenPipe,
            Failure::Interrupted => true,
            Failure::Usage(_)
            | Failure::NoSuch(_)
            | Failure::Refused(_)
            | Failure::NoSupervisor(_)
            | Failure::NotInTime(_)
            | Failure::Failed(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(sentence)
            | Failure::NoSuch(sentence)
            | Failure::NoSupervisor(sentence)
            | Failure::NotInTime(sentence)
            | Failure::Failed(sentence) => f.write_str(sentence),
            Failure::Refused(refusal) => {
                f.write_str(&text::uncapitalised(&refusal.sentence))?;
                // A question has said already what to do.
                let advice = advice(&refusal.code).filter(|_| !refusal.sentence.ends_with('?'));
                advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
            }
            Failure::Output(error) => write!(f, "cannot write to standard output: {}", words(error)),
            Failure::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// What to do about an error of the supervisor, where its own sentence cannot know it.
fn advice(code: &str) -> Option<&'static str> {
    match code {
        "no-such-program" | "no-such-instance" => Some("'procnanny status' lists what there is"),
        "no-such-method" => Some("'procnanny call methods' lists what there is"),
        "forbidden" => Some("name another endpoint with --rpc"),
        "timeout" => Some("it goes on; 'procnanny status' shows how far it is"),
        _ => None,
    }
}

/// The exit code of a command, after its error has been said on standard error.
pub fn conclude(result: Result<Exit, Failure>) -> u8 {
    match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            if !failure.is_quiet() {
                complain(&failure.to_string());
            }
            failure.code()
        }
    }
}

/// Writes one line to standard error, whatever is in the sentence.
pub fn complain(sentence: &str) {
    // There is nowhere left to tell that this failed.
    let _ = writeln!(io::stderr(), "procnanny: {}", text::escape(sentence));
}

/// Writes several lines to standard error, from which everything harmful was taken already.
pub fn tell(lines: &str) {
    // There is nowhere left to tell that this failed.
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// Writes to standard output, at once.
///
/// # Errors
/// [`Failure::Output`], also when nobody reads any more.
pub fn say(text: &str) -> Result<(), Failure> {
    say_bytes(text.as_bytes())
}

/// As [`say`], for what may be no text.
///
/// # Errors
/// [`Failure::Output`], also when nobody reads any more.
pub fn say_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(Failure::Output)
}

/// The system's words for an error, without its number.
pub fn words(error: &io::Error) -> String {
    crate::sys::errno::io_words(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Failure {
        let reply = Value::map([("error", Value::from("x")), ("code", Value::from(code))]);
        Failure::Refused(Refusal::of(&reply).unwrap())
    }

    #[test]
    fn every_end_has_its_code() {
        let pipe = || io::Error::from(ErrorKind::BrokenPipe);
        for (failure, code) in [
            (Failure::Output(pipe()), 0),
            (Failure::Interrupted, 0),
            (Failure::Output(io::Error::from_raw_os_error(28)), 1),
            (Failure::Failed(String::new()), 1),
            (refused("busy"), 1),
            (refused("bad-argument"), 1),
            (refused(""), 1),
            (Failure::Usage(String::new()), 2),
            (Failure::NoSuch(String::new()), 4),
            (refused("no-such-program"), 4),
            (refused("no-such-instance"), 4),
            (Failure::NoSupervisor(String::new()), 5),
            (Failure::NotInTime(String::new()), 6),
            (refused("timeout"), 6),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
        }
        assert!(Failure::Output(pipe()).is_quiet() && !refused("busy").is_quiet());
        assert_eq!([Exit::Done, Exit::Failed, Exit::NotUp, Exit::As(130)].map(Exit::code), [0, 1, 3, 130]);
    }

    #[test]
    fn errors_say_what_to_do_next() {
        assert_eq!(refused("no-such-program").to_string(), "x; 'procnanny status' lists what there is");
        assert_eq!(refused("busy").to_string(), "x");
        let full = Failure::Output(io::Error::from_raw_os_error(28)).to_string();
        assert_eq!(full, "cannot write to standard output: No space left on device");
    }

    #[test]
    fn what_has_no_error_is_no_refusal() {
        assert!(Refusal::of(&Value::map([("danced", Value::Bool(true))])).is_none());
        assert!(Refusal::of(&Value::Nil).is_none());
        let strange = Value::map([("error", Value::Int(3))]);
        assert_eq!(Refusal::of(&strange).unwrap().sentence, "refused without a reason");
    }
}
