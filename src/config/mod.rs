//! Settings: their names, types, bounds, defaults and documentation, in one table; and what it takes to read them.

pub mod accounts;
pub mod capabilities;
pub mod cgroup;
pub mod convert;
pub mod cpus;
pub mod env_file;
pub mod health;
pub mod keys;
pub mod limits;
pub mod runtime_dir;
pub mod units;
pub mod words;
