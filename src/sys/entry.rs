//! Where the program begins: `main` as the C library calls it, in place of that of Rust's runtime. Part of the program
//! and not of the library, as tests have a `main` of their own.
//!
//! The runtime would make an alternate stack with a handler that tells of a stack overflow, for which it reads
//! `/proc/self/maps`; and it would abort where a standard descriptor is closed and there is no `/dev/null`. An init is to
//! be small, to begin at once, and to run in an empty root: what is left is what the rest of the program relies on.
#![allow(unsafe_code)]

use libc::c_int;
use nix::sys::signal::{SigHandler, Signal, signal};
use procnanny::cli;
use procnanny::sys::standard;

/// Called once by the C library, which has kept the arguments for [`std::env::args_os`].
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    // Those who need them most try again, and say why it cannot be.
    let _ = standard::ensure();
    // Who writes to a pipe or socket that nobody reads is told so (EPIPE), and does not end.
    // SAFETY: no handler is installed that could do anything wrong.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    cli::main(std::env::args_os()).into()
}
