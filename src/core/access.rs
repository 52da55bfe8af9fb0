//! What an endpoint may be used for.

/// How much an endpoint may be used for; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// To look.
    Read,
    /// To start, stop and signal what is there.
    Control,
    /// To run anything as the supervisor's user.
    Admin,
}

impl Access {
    /// All levels.
    pub const ALL: [(&'static str, Access); 3] =
        [("read", Access::Read), ("control", Access::Control), ("admin", Access::Admin)];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Control => "control",
            Access::Admin => "admin",
        }
    }
}
