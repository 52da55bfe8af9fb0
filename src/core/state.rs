//! The vocabulary of the transition table: states, admin states, inputs and effects, and their names.
//!
//! Each name stands here once; the wire, the command line and the documentation take it from here.

/// What an instance is. Some states carry what follows from them, so that no flag beside the state has to
/// remember anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Never started since it was created, or sent back to `new`.
    New,
    /// Is wanted up, but something that it requires is not there yet.
    Waiting(Rest),
    /// Its process runs and is not yet known to be healthy.
    Starting(HealthyWhen),
    /// Healthy.
    Running,
    /// Told to stop; its exit is awaited.
    Stopping(Sequel),
    /// Its last process has ended.
    Exited,
    /// It flaps: the next start is delayed.
    Backoff,
    /// Given up: stays until an operator acts.
    Failed,
}

/// Where a waiting instance goes when it is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rest {
    /// It never ran: back to `new`.
    New,
    /// It ran before: `exited`.
    Exited,
}

/// What makes a starting instance `running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthyWhen {
    /// It has lived through `minimum_run_duration`.
    Lasted,
    /// It has said so itself, by a readiness protocol.
    Notified,
    /// Its program has been executed.
    Executed,
}

/// What a stopping instance becomes when its exit is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sequel {
    /// It rests in `exited`; or, if it is still wanted up, is started again after the backoff delay.
    Exited,
    /// It is started again, or waits for its requirements.
    Start,
    /// It is started again, whatever it requires.
    StartNow(HealthyWhen),
    /// It waits for its requirements.
    Waiting,
    /// It is held for the backoff delay.
    Backoff,
    /// It is held until an operator acts.
    Failed,
    /// It rests in `new` and its counters are forgotten.
    New,
    /// The slot is given up: the program was removed or scaled down.
    Gone,
}

/// A state without what it carries: what people and the wire see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateName {
    /// See [`State::New`].
    New,
    /// See [`State::Waiting`].
    Waiting,
    /// See [`State::Starting`].
    Starting,
    /// See [`State::Running`].
    Running,
    /// See [`State::Stopping`].
    Stopping,
    /// See [`State::Exited`].
    Exited,
    /// See [`State::Backoff`].
    Backoff,
    /// See [`State::Failed`].
    Failed,
}

/// What the operator wants of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminState {
    /// Is to run, and be restarted as its policy says.
    Up,
    /// Is to run until it exits, and then be `down`.
    Once,
    /// Is not to run.
    Down,
}

/// What the restart policy says of a run that ended by itself; see [`crate::core::policy::judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It ran long enough: start again after `restart_delay`.
    Again,
    /// It flapped: start again after the backoff delay.
    Flap,
    /// It flapped more than `flap_max` times: hold it in `backoff`.
    Flapping,
    /// It flapped `give_up_after` times: `failed`.
    GiveUp,
    /// The policy asks for no restart.
    Done,
}

/// Everything that can happen to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// An operator wants it up.
    Up,
    /// An operator wants it down.
    Down,
    /// An operator wants it to run until it exits.
    Once,
    /// An operator wants a new process.
    Restart,
    /// An operator wants its process killed.
    Kill,
    /// An operator forgives its flaps.
    Reset,
    /// An operator moves it to a state.
    To(StateName),
    /// Its slot is to be given up.
    Remove,
    /// Its program has been executed.
    Spawned,
    /// Its program could not be executed, and no process is left of the attempt.
    SpawnFailed(Verdict),
    /// It has said that it is ready.
    Ready,
    /// Its process has ended and been reaped.
    Exited(Verdict),
    /// `minimum_run_duration` is over.
    Healthy,
    /// The run has lasted long enough to forgive earlier flaps.
    Settled,
    /// `start_timeout` is over.
    StartTimeout(Verdict),
    /// `stop_timeout` is over.
    StopTimeout,
    /// The delay before the next start is over.
    Retry,
    /// All that it requires is there.
    RequirementsMet,
    /// Something that it is bound to went away.
    RequirementsLost,
    /// Its process runs and is not in health.
    Unhealthy(Verdict),
}

/// The timer of an instance. It has one at a time: arming one replaces the other, and leaving the state in which
/// it was armed cancels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// After `minimum_run_duration`: [`Input::Healthy`].
    Healthy,
    /// When the run has lasted `backoff_min`: [`Input::Settled`].
    Settled,
    /// After `start_timeout`, if there is one: [`Input::StartTimeout`].
    StartTimeout,
    /// After `stop_timeout`: [`Input::StopTimeout`].
    StopTimeout,
    /// After `restart_delay`: [`Input::Retry`].
    RestartDelay,
    /// After the backoff delay: [`Input::Retry`].
    BackoffDelay,
}

/// What the shell is to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Start a process.
    Spawn,
    /// Ask the process to end.
    SendStop,
    /// Kill the process and its group.
    Kill,
    /// Arm the timer.
    Arm(Timer),
    /// Cancel the timer.
    Disarm,
    /// Say [`Input::RequirementsMet`] as soon as it holds.
    AwaitRequirements,
    /// Set the flap count to zero.
    ForgetFlaps,
    /// Forget counters and history.
    Forget,
    /// Give the slot up.
    Remove,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 5] =
        [Verdict::Again, Verdict::Flap, Verdict::Flapping, Verdict::GiveUp, Verdict::Done];

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Again => "again",
            Verdict::Flap => "flap",
            Verdict::Flapping => "flapping",
            Verdict::GiveUp => "give up",
            Verdict::Done => "done",
        }
    }
}

impl Input {
    /// The words that people and the wire use: of what an operator asks for, those of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Input::Up => "start",
            Input::Down => "stop",
            Input::Once => "once",
            Input::Restart => "restart",
            Input::Kill => "kill",
            Input::Reset => "reset",
            Input::To(_) => "transition",
            Input::Remove => "remove",
            Input::Spawned => "executed",
            Input::SpawnFailed(_) => "not executed",
            Input::Ready => "ready",
            Input::Exited(_) => "exit",
            Input::Healthy => "healthy",
            Input::Settled => "settled",
            Input::StartTimeout(_) => "start timeout",
            Input::StopTimeout => "stop timeout",
            Input::Retry => "retry",
            Input::RequirementsMet => "requirements met",
            Input::RequirementsLost => "requirements lost",
            Input::Unhealthy(_) => "unhealthy",
        }
    }
}

impl Timer {
    /// What follows when it fires; `None` for one after which there is something to be judged first.
    pub fn input(self) -> Option<Input> {
        match self {
            Timer::Healthy => Some(Input::Healthy),
            Timer::Settled => Some(Input::Settled),
            Timer::StartTimeout => None,
            Timer::StopTimeout => Some(Input::StopTimeout),
            Timer::RestartDelay | Timer::BackoffDelay => Some(Input::Retry),
        }
    }

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            Timer::Healthy => "healthy",
            Timer::Settled => "settled",
            Timer::StartTimeout => "start-timeout",
            Timer::StopTimeout => "stop-timeout",
            Timer::RestartDelay => "restart-delay",
            Timer::BackoffDelay => "backoff-delay",
        }
    }
}

impl State {
    /// The state without what it carries.
    pub fn name(self) -> StateName {
        match self {
            State::New => StateName::New,
            State::Waiting(_) => StateName::Waiting,
            State::Starting(_) => StateName::Starting,
            State::Running => StateName::Running,
            State::Stopping(_) => StateName::Stopping,
            State::Exited => StateName::Exited,
            State::Backoff => StateName::Backoff,
            State::Failed => StateName::Failed,
        }
    }
}

impl StateName {
    /// All of them, in the order of a life.
    pub const ALL: [StateName; 8] = [
        StateName::New,
        StateName::Waiting,
        StateName::Starting,
        StateName::Running,
        StateName::Stopping,
        StateName::Exited,
        StateName::Backoff,
        StateName::Failed,
    ];

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            StateName::New => "new",
            StateName::Waiting => "waiting",
            StateName::Starting => "starting",
            StateName::Running => "running",
            StateName::Stopping => "stopping",
            StateName::Exited => "exited",
            StateName::Backoff => "backoff",
            StateName::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(word: &str) -> Option<StateName> {
        StateName::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether an instance in this state has a process.
    pub fn has_process(self) -> bool {
        match self {
            StateName::Starting | StateName::Running | StateName::Stopping => true,
            StateName::New
            | StateName::Waiting
            | StateName::Exited
            | StateName::Backoff
            | StateName::Failed => false,
        }
    }
}

impl AdminState {
    /// All of them.
    pub const ALL: [AdminState; 3] = [AdminState::Up, AdminState::Once, AdminState::Down];

    /// The word that people and the wire use.
    pub fn as_str(self) -> &'static str {
        match self {
            AdminState::Up => "up",
            AdminState::Once => "once",
            AdminState::Down => "down",
        }
    }
}
