//! The terminal: its size, and a screen that is drawn on and given back as it was.

use super::exit::{Failure, say};
use crate::sys::terminal::window_size;
use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices, Termios};
use nix::unistd;
use std::fmt;
use std::io::{self, IsTerminal};
use std::os::fd::{AsRawFd, RawFd};

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
}

/// What is assumed where nothing can be learnt.
const USUAL: Size = Size { columns: 80, lines: 24 };

/// The alternate screen, without a cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// The size of the terminal that standard output is; where that says nothing, what the environment says.
pub fn size() -> Size {
    let from_environment = |name: &str| std::env::var(name).ok()?.parse().ok().filter(|number| *number > 0);
    let asked = ask_size();
    Size {
        columns: asked
            .map(|size| size.columns)
            .or_else(|| from_environment("COLUMNS"))
            .unwrap_or(USUAL.columns),
        lines: asked.map(|size| size.lines).or_else(|| from_environment("LINES")).unwrap_or(USUAL.lines),
    }
}

/// Asks the terminal itself. Zeros stand for unknown.
fn ask_size() -> Option<Size> {
    let asked = window_size(io::stdout()).ok()?;
    let size = Size { columns: usize::from(asked.columns), lines: usize::from(asked.lines) };
    (size.columns > 0 && size.lines > 0).then_some(size)
}

/// A screen of ours on the terminal, as long as this lives.
pub struct Screen {
    saved: Option<Termios>,
    size: Size,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn open() -> Result<Self, Failure> {
        let screen = Self { saved: silence_keys(), size: size() };
        say(ENTER)?;
        Ok(screen)
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        self.size
    }

    /// To be called when the terminal may have another size.
    pub fn resized(&mut self) {
        self.size = size();
    }

    /// Shows these lines from the top, as many as fit, and nothing else.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn draw(&self, lines: &[String]) -> Result<(), Failure> {
        let mut frame = "\u{1b}[H".to_string();
        for (index, line) in lines.iter().take(self.size.lines).enumerate() {
            if index > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(line);
            // What was there before, to the end of the line.
            frame.push_str("\u{1b}[K");
        }
        frame.push_str("\u{1b}[J");
        say(&frame)
    }

    /// The descriptor that keys come from, to be waited for; `None` if there are none.
    pub fn keys(&self) -> Option<RawFd> {
        self.saved.as_ref().map(|_| io::stdin().as_raw_fd())
    }

    /// Whether a key asks to end, once keys are ready.
    pub fn asks_to_end(&mut self) -> bool {
        self.read().is_none_or(|keys| keys.iter().any(|key| matches!(key, b'q' | b'Q')))
    }

    /// What was typed, once keys are ready; `None` if nothing more will be.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        let mut keys = [0; 64];
        match unistd::read(io::stdin(), &mut keys) {
            Ok(0) | Err(_) => {
                // The terminal is gone: it is not asked again.
                self.give_back();
                None
            }
            Ok(count) => Some(keys.iter().take(count).copied().collect()),
        }
    }

    fn give_back(&mut self) {
        if let Some(saved) = self.saved.take() {
            // If it fails, there is no terminal to be given back.
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &saved);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = say(LEAVE);
        self.give_back();
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Keys arrive one by one and are not shown. Ctrl-C stays a signal; Ctrl-Z does nothing, since whoever is stopped
/// cannot give a terminal back. Returns how it was; `None` where standard input is no terminal.
fn silence_keys() -> Option<Termios> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let saved = termios::tcgetattr(io::stdin()).ok()?;
    let mut quiet = saved.clone();
    quiet.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
    for (index, value) in [
        (SpecialCharacterIndices::VMIN, 1),
        (SpecialCharacterIndices::VTIME, 0),
        // _POSIX_VDISABLE is 0 on Linux.
        (SpecialCharacterIndices::VSUSP, 0),
    ] {
        if let Some(character) = quiet.control_chars.get_mut(index as usize) {
            *character = value;
        }
    }
    termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &quiet).ok()?;
    Some(saved)
}
