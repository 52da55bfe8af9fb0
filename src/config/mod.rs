//! Settings: their names, types, bounds, defaults and documentation, in one table; and what it takes to read them.
//!
//! | file | what is there |
//! | --- | --- |
//! | `keys`, `supervisor` | the settings of programs, and of the supervisor itself: one row each |
//! | `file` | configuration files, and all that is wrong with them |
//! | `plan` | what a reload changes |
//! | `endpoint`, `runtime_dir` | where clients connect |
//! | `bounded` | files read within bounds |
//! | all others | the values of one setting or of several |

pub mod accounts;
pub mod bounded;
pub mod capabilities;
pub mod cgroup;
pub mod convert;
pub mod cpus;
pub mod curve;
pub mod endpoint;
pub mod env_file;
pub mod file;
pub mod health;
pub mod hooks;
pub mod keys;
pub mod limits;
pub mod log;
#[cfg(test)]
mod manual;
pub mod plan;
pub mod runtime_dir;
pub mod sockets;
pub mod supervisor;
pub mod units;
pub mod words;
