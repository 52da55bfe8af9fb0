//! Who asked for something, on the wire.

use crate::core::asker::{Asker, Peer, Wish};
use crate::wire::msgpack::Writer;

/// Writes who asked as a map: `what`, and as far as it is known `uid`, `pid` and `command` of a process, or the
/// `address` of somebody on the network; of a requirement its `program`. Nil if nobody did.
pub fn write(writer: &mut Writer, asker: Option<&Asker>) {
    let Some(Asker { what, by }) = asker else { return writer.nil() };
    let program = match what {
        Wish::Requirement(program) => Some(&**program),
        Wish::Request(_)
        | Wish::Reload
        | Wish::RollingRestart
        | Wish::Shutdown
        | Wish::HealthCheck
        | Wish::MemoryLimit
        | Wish::Watchdog
        | Wish::StartTimeout => None,
    };
    let of_peer = match by.as_deref() {
        None => 0,
        Some(Peer::Process { .. }) => 3,
        Some(Peer::Address(_)) => 1,
    };
    writer.map(1 + usize::from(program.is_some()) + of_peer);
    writer.entry("what", what.as_str());
    if let Some(program) = program {
        writer.entry("program", program);
    }
    match by.as_deref() {
        None => {}
        Some(Peer::Process { uid, pid, command }) => {
            writer.entry("uid", *uid);
            writer.entry("pid", pid.map_or(0, |pid| pid.raw()));
            writer.entry("command", command.as_deref());
        }
        Some(Peer::Address(address)) => writer.entry("address", address.to_string().as_str()),
    }
}
