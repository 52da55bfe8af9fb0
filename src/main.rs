//! procnanny, the command: all of it is in [`procnanny::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    procnanny::cli::main(std::env::args_os())
}
