//! Settings: their names, types, bounds, defaults and documentation, in one table; and what it takes to read them.

pub mod accounts;
pub mod convert;
pub mod keys;
pub mod runtime_dir;
pub mod units;
pub mod words;
