//! What replies tell of the supervisor's own process: the defaults that programs inherit from it.

/// The supervisor's own identity, for settings that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its niceness.
    pub nice: i32,
}

use crate::core::program::ProcessSettings;

impl Host {
    /// The user that a process with these settings runs as.
    pub fn uid_of(&self, settings: &ProcessSettings) -> u32 {
        settings.user.as_ref().map_or(self.uid, |user| user.identity.id)
    }

    /// The group that a process with these settings runs as: the one given, else the user's, else ours.
    pub fn gid_of(&self, settings: &ProcessSettings) -> u32 {
        let of_user =
            || settings.user.as_ref().and_then(|user| user.account.as_ref()).map(|account| account.gid);
        settings.group.as_ref().map(|group| group.id).or_else(of_user).unwrap_or(self.gid)
    }

    /// The niceness of a process with these settings.
    pub fn nice_of(&self, settings: &ProcessSettings) -> i32 {
        settings.nice.unwrap_or(self.nice)
    }
}
