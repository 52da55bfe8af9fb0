//! What a signal to the supervisor means: one table for an ordinary run, as containers and service managers have it, and
//! one for the first process of a machine, as busybox's and systemd's have it.

use libc::{SIGCHLD, SIGHUP, SIGINT, SIGPWR, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// Who gets the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The supervisor of a container, or of some programs among others.
    Supervisor,
    /// The first process of a whole machine.
    Machine,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To stop everything and to end.
    ShutDown(After),
    /// To read the configuration again.
    Reload,
    /// To bind the endpoints anew, whose files may have gone.
    BindEndpoints,
    /// To open all log files anew, which somebody else has moved.
    ReopenLogs,
    /// Nothing: it tells that children may have ended.
    ChildrenEnded,
    /// Nothing at all.
    Nothing,
}

/// What follows when everything has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The process exits.
    Exit,
    /// The machine halts, and stays on.
    Halt,
    /// The machine is switched off.
    PowerOff,
    /// The machine starts again.
    Reboot,
}

/// What a machine can be asked for, in words.
pub const OF_A_MACHINE: [(&str, After); 3] =
    [("reboot", After::Reboot), ("poweroff", After::PowerOff), ("halt", After::Halt)];

/// What the signal of this number means. The number of the first real-time signal is known to the C library alone,
/// which keeps some for itself: nptl(7).
pub fn meaning(role: Role, signal: i32, first_real_time: i32) -> Order {
    let real_time = signal.checked_sub(first_real_time);
    match (role, signal, real_time) {
        (_, SIGCHLD, _) => Order::ChildrenEnded,
        (_, SIGHUP, _) => Order::Reload,
        (Role::Supervisor, SIGTERM | SIGINT | SIGQUIT | SIGPWR, _) | (Role::Supervisor, _, Some(3 | 4)) => {
            Order::ShutDown(After::Exit)
        }
        (Role::Supervisor, SIGUSR1, _) => Order::BindEndpoints,
        (Role::Supervisor, SIGUSR2, _) => Order::ReopenLogs,
        (Role::Machine, SIGUSR1, _) | (Role::Machine, _, Some(3)) => Order::ShutDown(After::Halt),
        (Role::Machine, SIGUSR2 | SIGPWR, _) | (Role::Machine, _, Some(4)) => {
            Order::ShutDown(After::PowerOff)
        }
        // The kernel sends SIGINT for Ctrl-Alt-Del: reboot(2), `LINUX_REBOOT_CMD_CAD_OFF`.
        (Role::Machine, SIGTERM | SIGINT, _) | (Role::Machine, _, Some(5)) => Order::ShutDown(After::Reboot),
        (Role::Supervisor | Role::Machine, _, _) => Order::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i32 = 34;

    /// All signals that mean something, in the order of their numbers.
    fn meanings(role: Role) -> Vec<(i32, Order)> {
        let meant = (-1..=128).map(|signal| (signal, meaning(role, signal, FIRST)));
        meant.filter(|(_, order)| *order != Order::Nothing).collect()
    }

    fn sorted(mut expected: Vec<(i32, Order)>) -> Vec<(i32, Order)> {
        expected.sort_by_key(|(signal, _)| *signal);
        expected
    }

    #[test]
    fn a_supervisor_is_asked_as_containers_and_service_managers_ask() {
        let end = Order::ShutDown(After::Exit);
        let mut expected: Vec<(i32, Order)> =
            [SIGTERM, SIGINT, SIGQUIT, SIGPWR, FIRST + 3, FIRST + 4].map(|signal| (signal, end)).to_vec();
        expected.extend([(SIGHUP, Order::Reload), (SIGUSR1, Order::BindEndpoints)]);
        expected.extend([(SIGUSR2, Order::ReopenLogs), (SIGCHLD, Order::ChildrenEnded)]);
        assert_eq!(meanings(Role::Supervisor), sorted(expected));
    }

    #[test]
    fn a_machine_is_asked_as_busybox_and_systemd_are() {
        let expected = [
            (SIGUSR1, Order::ShutDown(After::Halt)),
            (FIRST + 3, Order::ShutDown(After::Halt)),
            (SIGUSR2, Order::ShutDown(After::PowerOff)),
            (SIGPWR, Order::ShutDown(After::PowerOff)),
            (FIRST + 4, Order::ShutDown(After::PowerOff)),
            (SIGTERM, Order::ShutDown(After::Reboot)),
            (SIGINT, Order::ShutDown(After::Reboot)),
            (FIRST + 5, Order::ShutDown(After::Reboot)),
            (SIGHUP, Order::Reload),
            (SIGCHLD, Order::ChildrenEnded),
        ];
        assert_eq!(meanings(Role::Machine), sorted(expected.to_vec()));
    }

    #[test]
    fn the_first_real_time_signal_is_where_the_c_library_has_it() {
        assert_eq!(meaning(Role::Supervisor, 38, 35), Order::ShutDown(After::Exit));
        assert_eq!(meaning(Role::Supervisor, 37, 35), Order::Nothing);
        assert_eq!(meaning(Role::Supervisor, i32::MIN, i32::MAX), Order::Nothing);
    }
}
