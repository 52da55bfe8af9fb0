//! Everything that talks to the kernel or to a C library directly. The only place with `unsafe`, and it depends on
//! nothing else of this crate.
//!
//! | file | what is there |
//! | --- | --- |
//! | `plan` | [`plan::ChildPlan`]: all that a new process needs, prepared before the fork |
//! | `fork` | [`fork::spawn`], [`fork::read_status`]: start a process, and learn later whether its exec worked |
//! | `flight` | what a new process uses of our memory until its exec |
//! | `child` | the straight line of system calls between fork and exec |
//! | `raw` | system calls without a C library in between, for what shares our memory |
//! | `controlling` | the part of it that takes a terminal |
//! | `own_pid` | variables of the environment that hold the id of the new process itself |
//! | `identity` | the part of it that is about who a process is and what it may |
//! | `step` | [`step::Step`], [`step::StepError`]: which step failed, and why |
//! | `limits` | the resource limits, of ourselves and of a new process |
//! | `priority`, `scheduling` | nice and I/O priority; scheduling policy and processors |
//! | `capabilities` | their names, and how a process is left with some of them |
//! | `cgroup` | where cgroups can be made, and making, filling, killing and removing one |
//! | `manager_socket` | the socket on which who started us listens to us |
//! | `notify` | the socket on which programs say that they are ready, and who it was |
//! | `pipe` | pipes that are read without waiting |
//! | `wait` | seeing and reaping children that ended |
//! | `signals` | blocking signals, receiving them from a descriptor, their names |
//! | `mask`, `inbox` | sets of signals; every signal there is, blocked and received one by one |
//! | `poll`, `timer`, `clock` | epoll, timerfd, the two clocks |
//! | `process` | what a process asks or sets about itself; sending signals |
//! | `kinship`, `pidfd` | who is below us; signals to those who are not our children |
//! | `machine` | what the first process of a machine asks for |
//! | `crash` | that program executed anew when it crashes |
//! | `standard` | the standard descriptors, open before anything else is |
//! | `note` | a line on standard error |
//! | `null` | `/dev/null`, or what does as well |
//! | `executable` | the file that we were executed from |
//! | `splice` | from pipe to pipe; making one larger |
//! | `usage` | what a process uses |
//! | `channel` | messages with descriptors between two processes of ours |
//! | `log_memory` | what the supervisor and the logger share |
//! | `hand` | the part of it that is the logger's alone: what it has in hand |
//! | `memory_file` | a file for a process to read that is nowhere but in memory |
//! | `errno` | the system's words for its errors |
//! | `terminal` | the size of a terminal, and whose turn it is on it |
//! | `text` | giving back the memory of code that is not needed any more |
//! | `listen` | sockets opened for others to use |
//! | `lock` | one supervisor for one directory |
//! | `curve` | the keys of CURVE, made and given to sockets |
//! | `zmq_options` | what the zmq crate has no safe function for |
//! | `hosts` | the names of hosts, in a static program |
//! | `accept` | `accept(2)` as libzmq gets to see it: never out of descriptors |
//!
//! Errors are `nix::errno::Errno` unless more is known: the caller knows what it was doing, and says so.
#![allow(unsafe_code)]

pub mod accept;
pub mod capabilities;
pub mod cgroup;
pub mod channel;
mod child;
pub mod clock;
mod controlling;
pub mod crash;
pub mod curve;
pub mod errno;
pub mod executable;
mod flight;
pub mod fork;
pub mod hand;
#[cfg(any(test, target_feature = "crt-static"))]
mod hosts;
mod identity;
pub mod inbox;
pub mod kinship;
pub mod limits;
pub mod listen;
pub mod lock;
pub mod log_memory;
pub mod machine;
pub mod manager_socket;
mod mask;
pub mod memory_file;
pub mod note;
pub mod notify;
pub mod null;
mod own_pid;
pub mod pidfd;
pub mod pipe;
pub mod plan;
pub mod poll;
pub mod priority;
pub mod process;
mod raw;
pub mod scheduling;
pub mod signals;
pub mod splice;
pub mod standard;
pub mod step;
pub mod terminal;
#[cfg(test)]
mod test_support;
pub mod text;
pub mod timer;
pub mod usage;
pub mod wait;
pub mod zmq_options;
