//! Who asks for something: a client with what it requested, or a part of the supervisor itself.

use super::ids::Pid;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Who asked for something. It is shared by all that came of it, so that an instance holds no more than a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// What was asked for, or what inside asks.
    pub what: Wish,
    /// On whose behalf, where somebody outside asked.
    pub by: Option<Rc<Peer>>,
}

/// What was asked for, or what inside asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A request, by the name of its method.
    Request(&'static str),
    /// The configuration, read again.
    Reload,
    /// A restart of one instance after the other.
    RollingRestart,
    /// The end of the supervisor.
    Shutdown,
    /// The health check of the instance has failed.
    HealthCheck,
    /// The memory of the instance was above its limit.
    MemoryLimit,
    /// The instance did not say any more that it works.
    Watchdog,
    /// The instance did not say in time that it is ready.
    StartTimeout,
    /// This program, which the instance requires, has gone away.
    Requirement(Arc<str>),
}

/// Somebody outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process on this host.
    Process {
        /// Its user.
        uid: u32,
        /// Its id; `None` for one outside of our PID namespace.
        pid: Option<Pid>,
        /// The name of its program; `None` if it had ended before that could be asked.
        command: Option<Box<str>>,
    },
    /// Somebody on the network.
    Address(SocketAddr),
}

impl Asker {
    /// A part of the supervisor itself.
    pub fn inside(what: Wish) -> Rc<Self> {
        Rc::new(Self { what, by: None })
    }
}

impl Wish {
    /// The word that people and the wire use.
    pub fn as_str(&self) -> &'static str {
        match self {
            Wish::Request(method) => method,
            Wish::Reload => "reload",
            Wish::RollingRestart => "rolling-restart",
            Wish::Shutdown => "shutdown",
            Wish::HealthCheck => "health-check",
            Wish::MemoryLimit => "memory-limit",
            Wish::Watchdog => "watchdog",
            Wish::StartTimeout => "start-timeout",
            Wish::Requirement(_) => "requirement",
        }
    }
}
