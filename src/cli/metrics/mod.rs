//! `metrics`: the text of the supervisor, printed; or served over HTTP by a small process of its own.
//!
//! | file | what is there |
//! | --- | --- |
//! | `http` | as much of HTTP/1.1 as it takes: a request's head read, a response written |
//! | `connection` | one client: it asks, is answered, and goes |
//! | `server` | the loop over all of them |

mod connection;
mod http;
mod server;

use super::arguments::Metrics;
use super::client::{Call, Client};
use super::endpoint::Endpoint;
use super::exit::{Exit, Failure, say};
use crate::wire::value::Value;
use std::time::Duration;

/// How long a supervisor may take to answer: less than the 10 s that Prometheus waits unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// `metrics`.
///
/// # Errors
/// Those of a request; an address that cannot be listened on.
pub fn metrics(endpoint: Endpoint, command: &Metrics) -> Result<Exit, Failure> {
    match command.listen {
        Some(address) => server::serve(endpoint, address.0),
        None => {
            say(&ask(&mut Client::connect(&endpoint)?)?)?;
            Ok(Exit::Done)
        }
    }
}

/// The text, as it is now.
fn ask(client: &mut Client) -> Result<String, Failure> {
    let reply = client.request(&Call::new("metrics").answered_within(PATIENCE))?;
    let text = reply.get("text").and_then(Value::text);
    text.map(str::to_string)
        .ok_or_else(|| Failure::Failed(format!("{} answered without a text", client.endpoint())))
}
