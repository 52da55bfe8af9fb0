//! The loop. One turn does a bounded amount of work for each source, so that none can starve the others; what is
//! left over is a backlog, and the next turn then does not wait.

use super::source::Source;
use super::{Due, Ended, Supervisor, SupervisorError, shutdown::Phase};
use crate::core::moment::Moment;
use crate::sys::clock;
use crate::sys::errno::words;
use std::time::Duration;

/// Whether something is left to do without any descriptor being ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Children may have ended that were not reaped yet.
    pub children: Pending,
    /// Messages may have come that were not received yet.
    pub messages: Pending,
    /// Processes may have said something that was not heard yet.
    pub notifications: Pending,
}

/// Whether there may be more of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pending {
    /// All was seen.
    #[default]
    Nothing,
    /// There may be more.
    Maybe,
}

/// How many deadlines are handled in a turn.
const DEADLINES_A_TURN: usize = 64;
/// How often all sockets are gone through in a turn while messages keep coming.
const PASSES_A_TURN: usize = 4;

impl Supervisor {
    /// The loop, until the shutdown is done.
    pub fn run(mut self) -> Result<Ended, SupervisorError> {
        // What came in before the first wait is not signalled again.
        self.serve();
        while self.phase != Phase::Done {
            self.talk_to_logger();
            self.talk_to_manager();
            self.wait()?;
            self.now = Moment(clock::monotonic());
            self.dispatch();
            self.hear();
            self.reap();
            self.fire_deadlines();
            self.run_operations();
            self.go_on_with_requirements();
            self.go_on_with_surveys();
            self.go_on_looking_for_strays();
            self.go_on_rolling();
            // After all restarts: a storm of hooks delays none.
            self.begin_hook();
            self.serve();
            self.end_if_done();
            self.go_on_with_search();
            self.go_on_with_shutdown();
            self.meter.turn_ends(self.now);
        }
        let ended = Ended { code: self.ends.exit_code(), after: self.after };
        self.end();
        Ok(ended)
    }

    fn wait(&mut self) -> Result<(), SupervisorError> {
        self.arm_timer();
        let timeout = self.has_backlog().then_some(Duration::ZERO);
        self.meter.count_wait(timeout);
        self.poller
            .wait(&mut self.ready, timeout)
            .map_err(|errno| SupervisorError(format!("cannot wait for events: {}", words(errno))))
    }

    fn has_backlog(&self) -> bool {
        let due = self.deadlines.next().is_some_and(|at| at <= self.now);
        let operations = !self.operations.is_empty() || self.rollings.can_go_on() || !self.surveys.is_empty();
        let hooks = self.hooks.can_begin();
        let searches = self.rest.is_searched() || self.strays.are_looked_for();
        let pending = searches || operations || hooks || self.surroundings.are_pending();
        due || pending || self.backlog != Backlog::default()
    }

    /// Sets the timerfd to the next deadline, if that is another than it is set to.
    fn arm_timer(&mut self) {
        let next = self.deadlines.next();
        if next != self.armed_at && self.timer.arm(next.map(|at| at.0)).is_ok() {
            self.armed_at = next;
        }
    }

    fn dispatch(&mut self) {
        let ready = std::mem::replace(&mut self.ready, crate::sys::poll::Ready::with_capacity(0));
        for source in ready.tokens().filter_map(Source::unpack) {
            match source {
                Source::Signals => self.receive_signals(),
                Source::Timer => {
                    // Nothing is lost if this fails: deadlines are looked at in every turn.
                    let _ = self.timer.acknowledge();
                    self.armed_at = None;
                }
                Source::Exec(number) => self.read_exec_status(number),
                Source::Readiness(number) => self.read_readiness(number),
                Source::Notify => self.backlog.notifications = Pending::Maybe,
                Source::Logger(_) => self.logger_is_ready(source),
                // All sockets are drained at the end of every turn, whatever woke it.
                Source::Socket => {}
            }
        }
        self.ready = ready;
    }

    fn fire_deadlines(&mut self) {
        for _ in 0..DEADLINES_A_TURN {
            let Some(due) = self.deadlines.pop_due(self.now) else { return };
            match due {
                Due::Instance(key) => self.fire_instance(key),
                Due::Waiter(id) => self.waiter_timed_out(id),
                Due::StopCommand(key) => self.stop_command_had_no_effect(key),
                Due::HealthCheck(key) => self.begin_health_check(key),
                Due::Memory => self.look_at_memory(),
                Due::Child(pid) => self.child_timed_out(pid),
                Due::Watchdog(key) => self.watchdog_ran_out(key),
                Due::HooksDropped => self.tell_dropped_hooks(),
                Due::Cgroups => self.retry_cgroups(),
                // With the end of this turn.
                Due::Logger => {}
                // The same.
                Due::Manager => {}
                Due::ManagerWatchdog => self.show_manager_life(),
                Due::LoggerFull => self.try_logger_again(),
                Due::Tails => self.answer_tails(),
                Due::Outboxes => self.flush_outboxes(),
                Due::LastSecond => self.last_second(),
                Due::Rest => self.begin_search(),
                Due::LastWords => self.look_for_last_words(),
                Due::Shutdown => self.shutdown_timed_out(),
            }
        }
    }

    fn fire_instance(&mut self, key: crate::core::ids::InstanceKey) {
        let Some(armed) = self.fleet.instance(key).and_then(|instance| instance.timer) else { return };
        let Some(input) = armed.timer.input() else { return self.start_timed_out(key) };
        if let Some(instance) = self.fleet.instance_mut(key) {
            instance.timer = None;
        }
        self.feed(key, input);
    }

    /// Receives and answers until nothing comes any more.
    ///
    /// ZMQ_FD (zmq_getsockopt(3)) signals a change once, and a send on a socket may take that signal for itself. So
    /// every turn ends with a pass over all sockets in which nothing was received and nothing was sent after.
    fn serve(&mut self) {
        self.backlog.messages = Pending::Nothing;
        for _ in 0..PASSES_A_TURN {
            let received = self.receive_requests() + self.receive_subscriptions() + self.judge_clients();
            if received == 0 && !self.answer_long_polls() {
                return;
            }
        }
        self.backlog.messages = Pending::Maybe;
    }
}
