//! The transition table: what becomes of an instance, for every state, admin state and input.
//!
//! One function a state, one arm a cell or a group of equal cells; no arm swallows the rest, so an input that is
//! ignored is ignored in writing. Pure: the shell carries out the effects, in their order, and cancels the timer
//! of an instance whenever the name of its state changes.
#![deny(clippy::wildcard_enum_match_arm)]

use super::state::{AdminState, Effect, HealthyWhen, Input, Rest, Sequel, State, StateName, Timer, Verdict};

/// What the table has to know of an instance beside its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether all that the instance requires is there.
    pub requirements: Requirements,
    /// What counts as healthy for its program.
    pub healthy: HealthyWhen,
}

/// Whether an instance may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirements {
    /// Nothing is missing.
    Met,
    /// Something is missing.
    Missing,
}

/// The outcome of one input: where the instance is now, and what is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state from now on.
    pub state: State,
    /// The admin state from now on.
    pub admin: AdminState,
    /// At most two effects.
    pub effects: [Option<Effect>; 2],
}

/// The transition table.
pub fn step(state: State, admin: AdminState, input: Input, terms: Terms) -> Step {
    match state {
        State::New => new(admin, input, terms),
        State::Waiting(rest) => waiting(rest, admin, input, terms),
        State::Starting(healthy) => starting(healthy, admin, input, terms),
        State::Running => running(admin, input, terms),
        State::Stopping(sequel) => stopping(sequel, admin, input, terms),
        State::Exited => exited(admin, input, terms),
        State::Backoff => backoff(admin, input, terms),
        State::Failed => failed(admin, input, terms),
    }
}

fn new(admin: AdminState, input: Input, terms: Terms) -> Step {
    match input {
        Input::Up | Input::Restart => start(AdminState::Up, Rest::New, terms),
        Input::Once => start(AdminState::Once, Rest::New, terms),
        Input::Down => stay(State::New, AdminState::Down),
        Input::Reset => with(State::New, admin, Effect::ForgetFlaps),
        Input::To(StateName::New) => stay(State::New, AdminState::Down),
        Input::To(StateName::Waiting) => {
            with(State::Waiting(Rest::New), AdminState::Up, Effect::AwaitRequirements)
        }
        Input::To(target) => without_process(target, terms),
        Input::Remove => with(State::New, AdminState::Down, Effect::Remove),
        Input::Kill
        | Input::Spawned
        | Input::SpawnFailed(_)
        | Input::Ready
        | Input::Exited(_)
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::Retry
        | Input::RequirementsMet
        | Input::RequirementsLost
        | Input::Unhealthy(_) => stay(State::New, admin),
    }
}

fn waiting(rest: Rest, admin: AdminState, input: Input, terms: Terms) -> Step {
    let resting = match rest {
        Rest::New => State::New,
        Rest::Exited => State::Exited,
    };
    match input {
        Input::Up => stay(State::Waiting(rest), AdminState::Up),
        Input::Once => stay(State::Waiting(rest), AdminState::Once),
        Input::Restart => stay(State::Waiting(rest), wanted(admin)),
        Input::Down => stay(resting, AdminState::Down),
        Input::Reset => with(State::Waiting(rest), admin, Effect::ForgetFlaps),
        Input::To(StateName::Waiting) => stay(State::Waiting(rest), AdminState::Up),
        Input::To(target) => without_process(target, terms),
        Input::Remove => with(resting, AdminState::Down, Effect::Remove),
        Input::RequirementsMet => match admin {
            AdminState::Up | AdminState::Once => with(State::Starting(terms.healthy), admin, Effect::Spawn),
            AdminState::Down => stay(resting, AdminState::Down),
        },
        Input::Kill
        | Input::Spawned
        | Input::SpawnFailed(_)
        | Input::Ready
        | Input::Exited(_)
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::Retry
        | Input::RequirementsLost
        | Input::Unhealthy(_) => stay(State::Waiting(rest), admin),
    }
}

fn starting(healthy: HealthyWhen, admin: AdminState, input: Input, terms: Terms) -> Step {
    let now = State::Starting(healthy);
    match input {
        Input::Up => stay(now, AdminState::Up),
        Input::Once => stay(now, AdminState::Once),
        Input::Down => stop(Sequel::Exited, AdminState::Down),
        Input::Restart => stop(Sequel::Start, wanted(admin)),
        Input::Kill => kill(after_kill(admin), admin),
        Input::Reset => with(now, admin, Effect::ForgetFlaps),
        Input::To(target) => with_process(target, terms),
        Input::Remove => stop(Sequel::Gone, AdminState::Down),
        Input::Spawned => match healthy {
            HealthyWhen::Lasted => with(now, admin, Effect::Arm(Timer::Healthy)),
            HealthyWhen::Notified => with(now, admin, Effect::Arm(Timer::StartTimeout)),
            HealthyWhen::Executed => is_healthy(admin),
        },
        Input::Healthy | Input::Ready => is_healthy(admin),
        Input::SpawnFailed(verdict) | Input::Exited(verdict) => ended(admin, verdict),
        Input::StartTimeout(verdict) | Input::Unhealthy(verdict) => given_up_on(admin, verdict),
        Input::RequirementsLost => stop(Sequel::Waiting, admin),
        Input::Settled | Input::StopTimeout | Input::Retry | Input::RequirementsMet => stay(now, admin),
    }
}

fn running(admin: AdminState, input: Input, terms: Terms) -> Step {
    match input {
        Input::Up => stay(State::Running, AdminState::Up),
        Input::Once => stay(State::Running, AdminState::Once),
        Input::Down => stop(Sequel::Exited, AdminState::Down),
        Input::Restart => stop(Sequel::Start, wanted(admin)),
        Input::Kill => kill(after_kill(admin), admin),
        Input::Reset | Input::Settled => with(State::Running, admin, Effect::ForgetFlaps),
        Input::To(StateName::Running) => stay(State::Running, AdminState::Up),
        Input::To(target) => with_process(target, terms),
        Input::Remove => stop(Sequel::Gone, AdminState::Down),
        Input::SpawnFailed(verdict) | Input::Exited(verdict) => ended(admin, verdict),
        Input::RequirementsLost => stop(Sequel::Waiting, admin),
        Input::Unhealthy(verdict) => given_up_on(admin, verdict),
        Input::Spawned
        | Input::Ready
        | Input::Healthy
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::Retry
        | Input::RequirementsMet => stay(State::Running, admin),
    }
}

fn stopping(sequel: Sequel, admin: AdminState, input: Input, terms: Terms) -> Step {
    let then = |sequel, admin| stay(State::Stopping(sequel), admin);
    match input {
        Input::Up => then(started_by_request(sequel), AdminState::Up),
        Input::Once => then(started_by_request(sequel), AdminState::Once),
        Input::Restart => then(started_by_request(sequel), wanted(admin)),
        Input::Down => match sequel {
            // To be gone is to be down: a stop does not call a removal off.
            Sequel::Gone => then(Sequel::Gone, AdminState::Down),
            Sequel::Exited
            | Sequel::Start
            | Sequel::StartNow(_)
            | Sequel::Waiting
            | Sequel::Backoff
            | Sequel::Failed
            | Sequel::New => then(Sequel::Exited, AdminState::Down),
        },
        Input::Kill | Input::StopTimeout => with(State::Stopping(sequel), admin, Effect::Kill),
        Input::Reset => with(State::Stopping(forgiven(sequel)), admin, Effect::ForgetFlaps),
        Input::To(StateName::New) => then(Sequel::New, AdminState::Down),
        Input::To(StateName::Waiting) => then(Sequel::Waiting, AdminState::Up),
        Input::To(StateName::Starting) => then(Sequel::StartNow(terms.healthy), AdminState::Up),
        Input::To(StateName::Running) => then(Sequel::StartNow(HealthyWhen::Executed), AdminState::Up),
        Input::To(StateName::Stopping) => then(Sequel::Exited, AdminState::Down),
        Input::To(StateName::Exited) => with(State::Stopping(Sequel::Exited), AdminState::Down, Effect::Kill),
        Input::To(StateName::Backoff) => then(Sequel::Backoff, AdminState::Up),
        Input::To(StateName::Failed) => then(Sequel::Failed, AdminState::Up),
        Input::Remove => then(Sequel::Gone, AdminState::Down),
        Input::SpawnFailed(_) | Input::Exited(_) => stopped(sequel, admin, terms),
        Input::Spawned
        | Input::Ready
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::Retry
        | Input::RequirementsMet
        | Input::RequirementsLost
        | Input::Unhealthy(_) => then(sequel, admin),
    }
}

fn exited(admin: AdminState, input: Input, terms: Terms) -> Step {
    match input {
        Input::Up | Input::Restart => start(AdminState::Up, Rest::Exited, terms),
        Input::Once => start(AdminState::Once, Rest::Exited, terms),
        Input::Retry => match admin {
            AdminState::Up | AdminState::Once => start(admin, Rest::Exited, terms),
            AdminState::Down => stay(State::Exited, AdminState::Down),
        },
        // The delay before a restart that was coming is called off.
        Input::Down | Input::To(StateName::Stopping | StateName::Exited) => {
            with(State::Exited, AdminState::Down, Effect::Disarm)
        }
        Input::Reset => with(State::Exited, admin, Effect::ForgetFlaps),
        Input::To(target) => without_process(target, terms),
        Input::Remove => {
            let effects = [Some(Effect::Disarm), Some(Effect::Remove)];
            Step { state: State::Exited, admin: AdminState::Down, effects }
        }
        Input::Kill
        | Input::Spawned
        | Input::SpawnFailed(_)
        | Input::Ready
        | Input::Exited(_)
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::RequirementsMet
        | Input::RequirementsLost
        | Input::Unhealthy(_) => stay(State::Exited, admin),
    }
}

fn backoff(admin: AdminState, input: Input, terms: Terms) -> Step {
    match input {
        Input::Up | Input::Restart => start(AdminState::Up, Rest::Exited, terms),
        Input::Once => start(AdminState::Once, Rest::Exited, terms),
        Input::Retry => match admin {
            AdminState::Up | AdminState::Once => start(admin, Rest::Exited, terms),
            AdminState::Down => stay(State::Exited, AdminState::Down),
        },
        Input::Down => stay(State::Exited, AdminState::Down),
        Input::Reset => forgive(admin, terms),
        Input::To(target) => without_process(target, terms),
        Input::Remove => with(State::Exited, AdminState::Down, Effect::Remove),
        Input::Kill
        | Input::Spawned
        | Input::SpawnFailed(_)
        | Input::Ready
        | Input::Exited(_)
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::RequirementsMet
        | Input::RequirementsLost
        | Input::Unhealthy(_) => stay(State::Backoff, admin),
    }
}

fn failed(admin: AdminState, input: Input, terms: Terms) -> Step {
    match input {
        Input::Up | Input::Restart => start(AdminState::Up, Rest::Exited, terms),
        Input::Once => start(AdminState::Once, Rest::Exited, terms),
        Input::Down => stay(State::Exited, AdminState::Down),
        Input::Reset => forgive(admin, terms),
        Input::To(StateName::Failed) => stay(State::Failed, AdminState::Up),
        Input::To(target) => without_process(target, terms),
        Input::Remove => with(State::Exited, AdminState::Down, Effect::Remove),
        Input::Kill
        | Input::Spawned
        | Input::SpawnFailed(_)
        | Input::Ready
        | Input::Exited(_)
        | Input::Healthy
        | Input::Settled
        | Input::StartTimeout(_)
        | Input::StopTimeout
        | Input::Retry
        | Input::RequirementsMet
        | Input::RequirementsLost
        | Input::Unhealthy(_) => stay(State::Failed, admin),
    }
}

/// `transition STATE` of an instance that has no process.
fn without_process(target: StateName, terms: Terms) -> Step {
    match target {
        StateName::New => with(State::New, AdminState::Down, Effect::Forget),
        StateName::Waiting => with(State::Waiting(Rest::Exited), AdminState::Up, Effect::AwaitRequirements),
        StateName::Starting => with(State::Starting(terms.healthy), AdminState::Up, Effect::Spawn),
        StateName::Running => with(State::Starting(HealthyWhen::Executed), AdminState::Up, Effect::Spawn),
        StateName::Stopping | StateName::Exited => stay(State::Exited, AdminState::Down),
        StateName::Backoff => with(State::Backoff, AdminState::Up, Effect::Arm(Timer::BackoffDelay)),
        StateName::Failed => stay(State::Failed, AdminState::Up),
    }
}

/// `transition STATE` of an instance that is `starting` or `running`.
fn with_process(target: StateName, terms: Terms) -> Step {
    match target {
        StateName::New => stop(Sequel::New, AdminState::Down),
        StateName::Waiting => stop(Sequel::Waiting, AdminState::Up),
        StateName::Starting => stop(Sequel::StartNow(terms.healthy), AdminState::Up),
        StateName::Running => is_healthy(AdminState::Up),
        StateName::Stopping => stop(Sequel::Exited, AdminState::Down),
        StateName::Exited => kill(Sequel::Exited, AdminState::Down),
        StateName::Backoff => stop(Sequel::Backoff, AdminState::Up),
        StateName::Failed => stop(Sequel::Failed, AdminState::Up),
    }
}

/// A run ended that nobody had asked to end.
fn ended(admin: AdminState, verdict: Verdict) -> Step {
    match admin {
        AdminState::Once | AdminState::Down => stay(State::Exited, AdminState::Down),
        AdminState::Up => match verdict {
            Verdict::Again => with(State::Exited, AdminState::Up, Effect::Arm(Timer::RestartDelay)),
            Verdict::Flap => with(State::Exited, AdminState::Up, Effect::Arm(Timer::BackoffDelay)),
            Verdict::Flapping => with(State::Backoff, AdminState::Up, Effect::Arm(Timer::BackoffDelay)),
            Verdict::GiveUp => stay(State::Failed, AdminState::Up),
            Verdict::Done => stay(State::Exited, AdminState::Down),
        },
    }
}

/// It did not say in time that it is ready, or it is not in health: the process is stopped, and what follows is what
/// would have followed its exit.
fn given_up_on(admin: AdminState, verdict: Verdict) -> Step {
    match admin {
        AdminState::Once | AdminState::Down => stop(Sequel::Exited, AdminState::Down),
        AdminState::Up => match verdict {
            Verdict::Again => stop(Sequel::Start, AdminState::Up),
            Verdict::Flap => stop(Sequel::Exited, AdminState::Up),
            Verdict::Flapping => stop(Sequel::Backoff, AdminState::Up),
            Verdict::GiveUp => stop(Sequel::Failed, AdminState::Up),
            Verdict::Done => stop(Sequel::Exited, AdminState::Down),
        },
    }
}

/// The exit of a stopping instance was seen: its sequel happens.
fn stopped(sequel: Sequel, admin: AdminState, terms: Terms) -> Step {
    match sequel {
        Sequel::Exited => match admin {
            AdminState::Up => with(State::Exited, AdminState::Up, Effect::Arm(Timer::BackoffDelay)),
            AdminState::Once | AdminState::Down => stay(State::Exited, AdminState::Down),
        },
        Sequel::Start => match admin {
            AdminState::Up | AdminState::Once => start(admin, Rest::Exited, terms),
            AdminState::Down => stay(State::Exited, AdminState::Down),
        },
        Sequel::StartNow(healthy) => with(State::Starting(healthy), admin, Effect::Spawn),
        Sequel::Waiting => with(State::Waiting(Rest::Exited), admin, Effect::AwaitRequirements),
        Sequel::Backoff => with(State::Backoff, admin, Effect::Arm(Timer::BackoffDelay)),
        Sequel::Failed => stay(State::Failed, admin),
        Sequel::New => with(State::New, AdminState::Down, Effect::Forget),
        Sequel::Gone => with(State::Exited, AdminState::Down, Effect::Remove),
    }
}

/// `reset` of what is held in `backoff` or `failed`.
fn forgive(admin: AdminState, terms: Terms) -> Step {
    match admin {
        AdminState::Up | AdminState::Once => {
            let started = start(admin, Rest::Exited, terms);
            Step { effects: [Some(Effect::ForgetFlaps), started.effects[0]], ..started }
        }
        AdminState::Down => with(State::Exited, AdminState::Down, Effect::ForgetFlaps),
    }
}

/// The sequel after an operator asked for a start. One that starts anyway stays as it is.
fn started_by_request(sequel: Sequel) -> Sequel {
    match sequel {
        Sequel::StartNow(healthy) => Sequel::StartNow(healthy),
        Sequel::Exited
        | Sequel::Start
        | Sequel::Waiting
        | Sequel::Backoff
        | Sequel::Failed
        | Sequel::New
        | Sequel::Gone => Sequel::Start,
    }
}

/// The sequel after its flaps were forgiven.
fn forgiven(sequel: Sequel) -> Sequel {
    match sequel {
        Sequel::Backoff | Sequel::Failed => Sequel::Start,
        Sequel::Exited
        | Sequel::Start
        | Sequel::StartNow(_)
        | Sequel::Waiting
        | Sequel::New
        | Sequel::Gone => sequel,
    }
}

/// What follows an end that was asked for, of an instance whose admin state is left alone.
fn after_kill(admin: AdminState) -> Sequel {
    match admin {
        AdminState::Up => Sequel::Start,
        AdminState::Once | AdminState::Down => Sequel::Exited,
    }
}

/// The admin state after a restart: a stopped one is started, one that is to run once stays so.
fn wanted(admin: AdminState) -> AdminState {
    match admin {
        AdminState::Up | AdminState::Down => AdminState::Up,
        AdminState::Once => AdminState::Once,
    }
}

fn start(admin: AdminState, rest: Rest, terms: Terms) -> Step {
    match terms.requirements {
        Requirements::Met => with(State::Starting(terms.healthy), admin, Effect::Spawn),
        Requirements::Missing => with(State::Waiting(rest), admin, Effect::AwaitRequirements),
    }
}

fn stop(sequel: Sequel, admin: AdminState) -> Step {
    let effects = [Some(Effect::SendStop), Some(Effect::Arm(Timer::StopTimeout))];
    Step { state: State::Stopping(sequel), admin, effects }
}

fn kill(sequel: Sequel, admin: AdminState) -> Step {
    with(State::Stopping(sequel), admin, Effect::Kill)
}

fn is_healthy(admin: AdminState) -> Step {
    with(State::Running, admin, Effect::Arm(Timer::Settled))
}

fn stay(state: State, admin: AdminState) -> Step {
    Step { state, admin, effects: [None, None] }
}

fn with(state: State, admin: AdminState, effect: Effect) -> Step {
    Step { state, admin, effects: [Some(effect), None] }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
