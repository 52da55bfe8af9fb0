//! Variables of an environment that hold the id of the very process they are given to: `WATCHDOG_PID`, `LISTEN_PID`.
//! That id is known only after the fork, where nothing can be allocated; so the parent prepares the room for it.

use std::ffi::c_char;

use super::process::Pid;

/// The most digits that a process id has.
const MOST_DIGITS: usize = 10;

/// `NAME=` with room behind it.
#[derive(Debug)]
pub(super) struct OwnPidVariable {
    text: Vec<u8>,
    name_length: usize,
}

impl OwnPidVariable {
    /// Prepares one. Until it is filled its value is empty.
    pub(super) fn new(name: &str) -> Self {
        let mut text = [name.as_bytes(), b"="].concat();
        let name_length = text.len();
        // One more for what ends a C string.
        text.resize(name_length + MOST_DIGITS + 1, 0);
        Self { text, name_length }
    }

    /// Writes the digits into the room. For the child: it neither allocates nor panics.
    pub(super) fn fill(&mut self, pid: Pid) {
        let mut digits = [0; MOST_DIGITS];
        let mut rest = pid.get().unsigned_abs();
        let mut length = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            length += 1;
            if rest == 0 {
                break;
            }
        }
        let digits = digits.iter().skip(MOST_DIGITS - length);
        for (place, byte) in self.text.iter_mut().skip(self.name_length).zip(digits.chain(&[0])) {
            *place = *byte;
        }
    }

    /// The variable as execve(2) wants it, for as long as this is there.
    pub(super) fn as_ptr(&self) -> *const c_char {
        self.text.as_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        let mut variable = OwnPidVariable::new("X");
        let shown = |variable: &OwnPidVariable| {
            let text = variable.text.split(|byte| *byte == 0).next().unwrap();
            String::from_utf8(text.to_vec()).unwrap()
        };
        assert_eq!(shown(&variable), "X=");
        for number in [i32::MAX, 12_345, 10, 9, 1] {
            variable.fill(Pid::new(number).unwrap());
            assert_eq!(shown(&variable), format!("X={number}"));
            assert_eq!(variable.text.last(), Some(&0));
        }
    }
}
