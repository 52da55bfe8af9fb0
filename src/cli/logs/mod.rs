//! `logs`: what programs printed, as far as it is held; and with `-f` what they print.
//!
//! | file | what is there |
//! | --- | --- |
//! | `follower` | where output comes from: `tail`, and the stream of output |
//! | `place` | how far a stream was read: what is new, what is known, what is missing |
//! | `printer` | whole lines, whose they are, and what a terminal may see of them |

mod follower;
pub mod place;
mod printer;

use super::arguments::Logs;
use super::client::Client;
use super::exit::{Exit, Failure, complain};
use super::signals::Signals;
use crate::core::log::OutputSource;
use follower::{Follower, News};
use printer::Printer;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long to wait when nothing else limits it.
const LONG: Duration = Duration::from_secs(3600);

/// `logs`.
///
/// # Errors
/// No supervisor, at the beginning, and nothing that is captured; with `-f` a supervisor that ends is waited for.
pub fn logs(client: Client, logs: &Logs) -> Result<Exit, Failure> {
    if logs.selectors.is_empty() {
        return Err(Failure::Usage("name whose output to show; see 'procnanny logs --help'".to_string()));
    }
    let sources = match logs.source {
        Some(source) => vec![source],
        None => OutputSource::ALL.to_vec(),
    };
    let mut follower = Follower::open(client, &logs.selectors, sources, Signals::catch()?)?;
    let mut printer = Printer::new(follower.shows_several());
    match follow(&mut follower, &mut printer, logs) {
        Ok(()) | Err(Failure::Interrupted) => printer.finish().map(|()| Exit::Done),
        Err(failure) => {
            printer.finish()?;
            Err(failure)
        }
    }
}

fn follow(follower: &mut Follower, printer: &mut Printer, logs: &Logs) -> Result<(), Failure> {
    follower.begin(logs.lines)?;
    print_all(follower, printer)?;
    if !logs.follow {
        return Ok(());
    }
    follower.subscribe()?;
    loop {
        print_all(follower, printer)?;
        let ready = follower.wait(&[(io::stdout().as_raw_fd(), zmq::POLLERR)], LONG)?;
        // That standard output is ready for an error means that nobody reads any more.
        if follower.is_told_to_end() || ready.contains(&true) {
            return print_all(follower, printer);
        }
    }
}

fn print_all(follower: &mut Follower, printer: &mut Printer) -> Result<(), Failure> {
    while let Some(news) = follower.next() {
        match news {
            News::Output { of, data } => printer.take(&of, &data)?,
            News::Missed { of, bytes } => {
                printer.flush()?;
                complain(&format!(
                    "{}/{} {}: [{bytes} bytes missed]",
                    of.program,
                    of.instance,
                    of.source.as_str()
                ));
            }
            News::Gone(sentence) => {
                printer.flush()?;
                complain(&format!("{sentence}; waiting for one"));
            }
            News::Back => complain("the supervisor is there again"),
        }
    }
    printer.flush()
}
