//! What a process says of itself by a readiness protocol, as far as it is kept, and the words for it.

use super::moment::Moment;
use std::time::Duration;

/// What a process has said of itself. Only one that can say something has this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcements {
    /// How it can say something.
    pub channel: Channel,
    /// How it does, in its own words, cut to [`LONGEST_STATUS`]. Whoever shows them sees to control characters.
    pub status: Option<Box<str>>,
    /// What it says that it does beside its work.
    pub activity: Activity,
    /// Until when it asks to be given time to start, or to stop.
    pub extended: Option<Moment>,
}

/// How a process can say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By datagrams, in which it also says that it still works: within this time, if there is one.
    Notify {
        /// `watchdog`, as the process was told it.
        watchdog: Option<Duration>,
    },
    /// By a newline on the descriptor of this number.
    Descriptor(i32),
    /// By nothing any more: it has closed that descriptor without a newline.
    Closed(i32),
}

/// What a process says that it does beside its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    #[default]
    None,
    /// It reads its configuration again.
    Reloading,
    /// It is about to end.
    Stopping,
}

/// How many bytes of a status are kept.
pub const LONGEST_STATUS: usize = 512;

/// How what a process says of itself begins.
const SAYS: &str = "says ";
/// How it is told that a process can say nothing any more.
const CLOSED: &str = "closed descriptor ";

impl Announcements {
    /// One that has said nothing yet.
    pub fn new(channel: Channel) -> Self {
        Self { channel, status: None, activity: Activity::None, extended: None }
    }

    /// Whether it says what it says by datagrams.
    pub fn is_by_notify(&self) -> bool {
        match self.channel {
            Channel::Notify { .. } => true,
            Channel::Descriptor(_) | Channel::Closed(_) => false,
        }
    }

    /// How often it has to say that it still works.
    pub fn watchdog(&self) -> Option<Duration> {
        match self.channel {
            Channel::Notify { watchdog } => watchdog,
            Channel::Descriptor(_) | Channel::Closed(_) => None,
        }
    }

    /// Keeps its words on how it does; empty ones take back those before.
    pub fn keep_status(&mut self, words: &[u8]) {
        let mut words = String::from_utf8_lossy(words).into_owned();
        let cut = (0..=LONGEST_STATUS).rev().find(|cut| words.is_char_boundary(*cut));
        words.truncate(cut.unwrap_or(0));
        self.status = (!words.is_empty()).then(|| words.into_boxed_str());
    }

    /// Why it is not known to be healthy yet, as far as it has said something about that.
    pub fn while_starting(&self) -> Option<String> {
        match (self.channel, &self.status) {
            (Channel::Closed(number), _) => Some(format!(
                "{CLOSED}{number} without a newline, so it cannot say any more that it is ready"
            )),
            (Channel::Notify { .. } | Channel::Descriptor(_), Some(status)) => {
                Some(format!("{SAYS}\"{status}\""))
            }
            (Channel::Notify { .. } | Channel::Descriptor(_), None) => None,
        }
    }

    /// What it says that it does beside its work.
    pub fn while_running(&self) -> Option<String> {
        match self.activity {
            Activity::None => None,
            Activity::Reloading => Some(format!("{SAYS}that it is reloading")),
            Activity::Stopping => Some(format!("{SAYS}that it is stopping")),
        }
    }
}

/// Whether a reason is what the present process says of itself, and not how the one before it ended.
pub fn is_announced(reason: &str) -> bool {
    reason.starts_with(SAYS) || reason.starts_with(CLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify() -> Announcements {
        Announcements::new(Channel::Notify { watchdog: None })
    }

    #[test]
    fn a_status_is_kept_up_to_its_bound_and_taken_back() {
        let mut said = notify();
        said.keep_status(b"loading \xff");
        assert_eq!(said.status.as_deref(), Some("loading \u{fffd}"));
        assert_eq!(said.while_starting().as_deref(), Some("says \"loading \u{fffd}\""));
        said.keep_status("ä".repeat(400).as_bytes());
        assert_eq!(said.status.as_deref().map(str::len), Some(LONGEST_STATUS));
        said.keep_status(format!("x{}", "ä".repeat(400)).as_bytes());
        assert_eq!(said.status.as_deref().map(str::len), Some(LONGEST_STATUS - 1));
        said.keep_status(b"");
        assert_eq!((said.status.as_deref(), said.while_starting()), (None, None));
    }

    #[test]
    fn what_it_says_is_told_apart_from_how_the_last_one_ended() {
        let mut said = notify();
        assert_eq!(said.while_running(), None);
        for activity in [Activity::Reloading, Activity::Stopping] {
            said.activity = activity;
            assert!(is_announced(&said.while_running().unwrap()));
        }
        said.keep_status(b"killed by signal 9");
        assert!(is_announced(&said.while_starting().unwrap()));
        let closed = Announcements::new(Channel::Closed(3)).while_starting().unwrap();
        assert!(is_announced(&closed) && closed.starts_with("closed descriptor 3 "), "{closed}");
        assert!(!is_announced("exec: No such file or directory (x)"));
    }
}
