//! What people read: aligned, in colour on a terminal alone, and harmless to it whatever the data says.

pub mod asker;
pub mod event;
pub mod history;
pub mod instances;
pub mod mistakes;
pub mod style;
pub mod table;
pub mod text;
pub mod time;
pub mod why;
