//! The pure core: what procnanny decides, without a clock, a system call or a descriptor.
//!
//! Facts come in as values ([`state::Input`], a [`moment::Moment`], the settings of a program) and decisions
//! go out as values ([`table::Step`], [`state::Verdict`]). Nothing here knows the shell that carries them out,
//! so every decision can be tested by calling it.
#![forbid(unsafe_code)]

pub mod access;
pub mod asker;
pub mod deadlines;
pub mod event;
pub mod exits;
pub mod first_round;
pub mod fleet;
pub mod glob;
pub mod health;
pub mod histogram;
pub mod history;
pub mod hook;
pub mod hook_queue;
pub mod ids;
pub mod in_hand;
pub mod instance;
pub mod last_run;
pub mod lines;
pub mod log;
pub mod moment;
pub mod nearest;
pub mod order;
pub mod policy;
pub mod program;
pub mod readiness;
pub mod requirements;
pub mod ring;
pub mod rotation;
pub mod settings;
pub mod signal_meaning;
pub mod sockets;
pub mod state;
pub mod substitute;
pub mod summary;
pub mod table;
pub mod why;
