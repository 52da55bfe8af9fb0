//! The table is walked cell by cell, then as a graph: every state that any sequence of inputs can reach is visited
//! with every input that can occur there, so what holds on each visit holds for sequences of any length.

use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet, VecDeque};

const HEALTHY: [HealthyWhen; 3] = [HealthyWhen::Lasted, HealthyWhen::Notified, HealthyWhen::Executed];
const VERDICTS: [Verdict; 5] =
    [Verdict::Again, Verdict::Flap, Verdict::Flapping, Verdict::GiveUp, Verdict::Done];

fn all_states() -> Vec<State> {
    let mut states = vec![State::New, State::Running, State::Exited, State::Backoff, State::Failed];
    states.extend([Rest::New, Rest::Exited].map(State::Waiting));
    states.extend(HEALTHY.map(State::Starting));
    states.extend(HEALTHY.map(|healthy| State::Stopping(Sequel::StartNow(healthy))));
    let sequels = [
        Sequel::Exited,
        Sequel::Start,
        Sequel::Waiting,
        Sequel::Backoff,
        Sequel::Failed,
        Sequel::New,
        Sequel::Gone,
    ];
    states.extend(sequels.map(State::Stopping));
    states
}

fn all_terms() -> Vec<Terms> {
    [Requirements::Met, Requirements::Missing]
        .into_iter()
        .flat_map(|requirements| HEALTHY.map(|healthy| Terms { requirements, healthy }))
        .collect()
}

fn operator_inputs() -> Vec<Input> {
    let mut inputs = vec![Input::Up, Input::Down, Input::Once, Input::Restart, Input::Kill, Input::Reset];
    inputs.push(Input::Remove);
    inputs.extend(StateName::ALL.map(Input::To));
    inputs
}

fn all_inputs() -> Vec<Input> {
    let mut inputs = operator_inputs();
    inputs.extend([Input::Spawned, Input::Ready, Input::Healthy, Input::Settled, Input::StopTimeout]);
    inputs.extend([Input::Retry, Input::RequirementsMet, Input::RequirementsLost]);
    for verdict in VERDICTS {
        inputs.extend([Input::SpawnFailed(verdict), Input::Exited(verdict)]);
        inputs.extend([Input::StartTimeout(verdict), Input::Unhealthy(verdict)]);
    }
    inputs
}

/// An instance as the shell would hold it: whether it has a process and which timer is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Model {
    state: State,
    admin: AdminState,
    process: Process,
    timer: Option<Timer>,
    slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Process {
    None,
    Forked,
    Executed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Kept,
    GivenUp,
}

impl Model {
    fn fresh() -> Self {
        let (state, admin) = (State::New, AdminState::Down);
        Self { state, admin, process: Process::None, timer: None, slot: Slot::Kept }
    }

    /// Every input that the shell could feed here, each with every verdict.
    fn possible_inputs(self) -> Vec<Input> {
        let mut inputs = operator_inputs();
        inputs.extend([Input::RequirementsMet, Input::RequirementsLost]);
        inputs.extend(VERDICTS.map(Input::Unhealthy));
        if self.process == Process::Forked {
            inputs.push(Input::Spawned);
            inputs.extend(VERDICTS.map(Input::SpawnFailed));
        }
        if self.process != Process::None {
            inputs.push(Input::Ready);
            inputs.extend(VERDICTS.map(Input::Exited));
        }
        match self.timer {
            Some(Timer::Healthy) => inputs.push(Input::Healthy),
            Some(Timer::Settled) => inputs.push(Input::Settled),
            Some(Timer::StartTimeout) => inputs.extend(VERDICTS.map(Input::StartTimeout)),
            Some(Timer::StopTimeout) => inputs.push(Input::StopTimeout),
            Some(Timer::RestartDelay | Timer::BackoffDelay) => inputs.push(Input::Retry),
            None => {}
        }
        inputs
    }

    /// Feeds an input as the shell does, and checks each effect against what is there.
    fn feed(self, input: Input, terms: Terms) -> Self {
        let told = format!("{self:?} + {input:?} under {terms:?}");
        let mut process = self.process;
        if matches!(input, Input::Exited(_) | Input::SpawnFailed(_)) {
            process = Process::None;
        } else if input == Input::Spawned {
            process = Process::Executed;
        }
        let step = step(self.state, self.admin, input, terms);
        let mut timer = if step.state.name() == self.state.name() { self.timer } else { None };
        let mut slot = self.slot;
        for effect in step.effects.into_iter().flatten() {
            match effect {
                Effect::Spawn => {
                    assert_eq!(process, Process::None, "two processes in one slot: {told}");
                    process = Process::Forked;
                }
                Effect::SendStop | Effect::Kill => assert_ne!(process, Process::None, "nobody there: {told}"),
                Effect::Arm(armed) => timer = Some(armed),
                Effect::Disarm => timer = None,
                Effect::Remove => {
                    assert_eq!(process, Process::None, "a process without an owner: {told}");
                    slot = Slot::GivenUp;
                }
                Effect::AwaitRequirements => assert_eq!(step.state.name(), StateName::Waiting, "{told}"),
                Effect::ForgetFlaps | Effect::Forget => {}
            }
        }
        let after = Self { state: step.state, admin: step.admin, process, timer, slot };
        after.check(&told);
        after
    }

    fn check(self, told: &str) {
        let name = self.state.name();
        assert_eq!(name.has_process(), self.process != Process::None, "{told} gave {self:?}");
        let at_home = match self.timer {
            None => true,
            Some(Timer::Healthy | Timer::StartTimeout) => name == StateName::Starting,
            Some(Timer::Settled) => name == StateName::Running,
            Some(Timer::StopTimeout) => name == StateName::Stopping,
            Some(Timer::RestartDelay) => name == StateName::Exited,
            Some(Timer::BackoffDelay) => matches!(name, StateName::Exited | StateName::Backoff),
        };
        assert!(at_home, "a timer of another state: {told} gave {self:?}");
        let wanted = self.admin != AdminState::Down;
        let held = matches!(name, StateName::Exited | StateName::Backoff);
        assert_eq!(
            wanted && held,
            self.timer.is_some() && held,
            "stuck or about to start: {told} gave {self:?}"
        );
        if matches!(name, StateName::New | StateName::Exited) {
            assert_ne!((name, wanted), (StateName::New, true), "wanted and forgotten: {told}");
        }
    }

    /// `down`, and then only what time and the kernel bring.
    fn settle_down(self, terms: Terms) -> Self {
        let mut model = self.feed(Input::Down, terms);
        for _ in 0..4 {
            if model.timer == Some(Timer::StopTimeout) {
                model = model.feed(Input::StopTimeout, terms);
            }
            if model.process != Process::None {
                model = model.feed(Input::Exited(Verdict::Again), terms);
            }
        }
        model
    }
}

/// Every model that any sequence of possible inputs leads to, with the models that one input leads to from there.
fn reachable() -> HashMap<Model, HashSet<Model>> {
    let mut found = HashMap::new();
    let mut queue = VecDeque::from([Model::fresh()]);
    while let Some(model) = queue.pop_front() {
        if found.contains_key(&model) || model.slot == Slot::GivenUp {
            continue;
        }
        let mut next = HashSet::new();
        for terms in all_terms() {
            next.extend(model.possible_inputs().into_iter().map(|input| model.feed(input, terms)));
        }
        queue.extend(&next);
        found.insert(model, next);
    }
    found
}

#[test]
fn every_cell_is_defined() {
    let mut cells = 0;
    for state in all_states() {
        for admin in AdminState::ALL {
            for input in all_inputs() {
                for terms in all_terms() {
                    let to = step(state, admin, input, terms);
                    cells += 1;
                    let ends = matches!(input, Input::Exited(_) | Input::SpawnFailed(_));
                    let had = state.name().has_process();
                    let has = to.state.name().has_process();
                    let spawns = to.effects.contains(&Some(Effect::Spawn));
                    let told = format!("{state:?} {admin:?} + {input:?}: {to:?}");
                    assert!(!had || has || ends, "a process is abandoned: {told}");
                    assert!(!spawns || !had || ends, "a second process: {told}");
                    assert_eq!(!had && has, spawns && !had, "a process from nowhere: {told}");
                }
            }
        }
    }
    assert_eq!(cells, all_states().len() * 3 * all_inputs().len() * 6);
}

#[test]
fn no_sequence_breaks_an_invariant() {
    let found = reachable();
    let states: HashSet<State> = found.keys().map(|model| model.state).collect();
    let unreached: Vec<State> = all_states().into_iter().filter(|state| !states.contains(state)).collect();
    assert_eq!(unreached, [], "states that nothing leads to");
    for model in found.keys() {
        for terms in all_terms() {
            let rested = model.settle_down(terms);
            assert_eq!(rested.process, Process::None, "{model:?}");
            assert_eq!(rested.timer, None, "{model:?} rests in {rested:?}");
            assert_eq!(rested.admin, AdminState::Down, "{model:?}");
        }
    }
}

#[test]
fn every_state_leads_to_every_other() {
    let found = reachable();
    for from in found.keys() {
        let mut seen = HashSet::from([*from]);
        let mut queue = VecDeque::from([*from]);
        while let Some(model) = queue.pop_front() {
            queue.extend(found.get(&model).into_iter().flatten().filter(|next| seen.insert(**next)));
        }
        let names: HashSet<StateName> = seen.iter().map(|model| model.state.name()).collect();
        assert_eq!(names.len(), StateName::ALL.len(), "from {from:?} only {names:?}");
    }
}

/// `transition` as states.md has it: where it leads at once, and where once the old process has ended.
#[test]
fn all_pairs_of_states_are_transitions() {
    use StateName::*;
    let terms = Terms { requirements: Requirements::Missing, healthy: HealthyWhen::Lasted };
    let representative = |name| {
        let found = all_states().into_iter().find(|state| state.name() == name);
        found.unwrap_or_else(|| panic!("{name:?}"))
    };
    for from in StateName::ALL {
        for target in StateName::ALL {
            let state = representative(from);
            let first = step(state, AdminState::Up, Input::To(target), terms);
            let at_once = match (from.has_process(), target) {
                (true, Running) if from != Stopping => Running,
                (true, _) => Stopping,
                (false, New) => New,
                (false, Waiting) => Waiting,
                (false, Starting | Running) => Starting,
                (false, Stopping | Exited) => Exited,
                (false, Backoff) => Backoff,
                (false, Failed) => Failed,
            };
            assert_eq!(first.state.name(), at_once, "{from:?} to {target:?} at once");
            let admin = match target {
                New | Stopping | Exited => AdminState::Down,
                Waiting | Starting | Running | Backoff | Failed => AdminState::Up,
            };
            assert_eq!(first.admin, admin, "{from:?} to {target:?}");
            let killed = first.effects.contains(&Some(Effect::Kill));
            assert_eq!(killed, from.has_process() && target == Exited, "{from:?} to {target:?} kills");
            if at_once != Stopping {
                continue;
            }
            let after = step(first.state, first.admin, Input::Exited(Verdict::Again), terms);
            let expected = match target {
                Stopping => Exited,
                Running => Starting,
                New | Waiting | Starting | Exited | Backoff | Failed => target,
            };
            assert_eq!(after.state.name(), expected, "{from:?} to {target:?} after the exit");
            assert_eq!(after.admin, admin, "{from:?} to {target:?} after the exit");
            let spawned = after.effects.contains(&Some(Effect::Spawn));
            assert_eq!(spawned, matches!(target, Starting | Running), "{from:?} to {target:?} starts");
        }
    }
}

#[test]
fn running_exited_waits_for_the_delay_that_the_policy_says() {
    let terms = all_terms()[0];
    let outcome = |verdict| {
        let to = step(State::Running, AdminState::Up, Input::Exited(verdict), terms);
        (to.state, to.admin, to.effects[0])
    };
    let arm = |timer| Some(Effect::Arm(timer));
    assert_eq!(outcome(Verdict::Again), (State::Exited, AdminState::Up, arm(Timer::RestartDelay)));
    assert_eq!(outcome(Verdict::Flap), (State::Exited, AdminState::Up, arm(Timer::BackoffDelay)));
    assert_eq!(outcome(Verdict::Flapping), (State::Backoff, AdminState::Up, arm(Timer::BackoffDelay)));
    assert_eq!(outcome(Verdict::GiveUp), (State::Failed, AdminState::Up, None));
    assert_eq!(outcome(Verdict::Done), (State::Exited, AdminState::Down, None));
}

#[test]
fn what_gave_no_sign_is_stopped_and_followed_by_what_the_policy_says() {
    let (terms, silent) = (all_terms()[0], State::Starting(HealthyWhen::Notified));
    for (state, input) in [
        (silent, Input::StartTimeout as fn(Verdict) -> Input),
        (silent, Input::Unhealthy),
        (State::Running, Input::Unhealthy),
    ] {
        let outcome = |verdict| {
            let to = step(state, AdminState::Up, input(verdict), terms);
            assert_eq!(to.effects, [Some(Effect::SendStop), Some(Effect::Arm(Timer::StopTimeout))]);
            (to.state, to.admin)
        };
        assert_eq!(outcome(Verdict::Again), (State::Stopping(Sequel::Start), AdminState::Up));
        assert_eq!(outcome(Verdict::Flap), (State::Stopping(Sequel::Exited), AdminState::Up));
        assert_eq!(outcome(Verdict::Flapping), (State::Stopping(Sequel::Backoff), AdminState::Up));
        assert_eq!(outcome(Verdict::GiveUp), (State::Stopping(Sequel::Failed), AdminState::Up));
        assert_eq!(outcome(Verdict::Done), (State::Stopping(Sequel::Exited), AdminState::Down));
    }
}

#[test]
fn stopping_commands_change_what_follows_and_never_wait() {
    let terms = all_terms()[0];
    let stopping = State::Stopping(Sequel::Exited);
    let started = step(stopping, AdminState::Down, Input::Up, terms);
    assert_eq!((started.state, started.admin), (State::Stopping(Sequel::Start), AdminState::Up));
    let stopped = step(started.state, started.admin, Input::Down, terms);
    assert_eq!((stopped.state, stopped.admin), (stopping, AdminState::Down));
    let restored = step(State::Stopping(Sequel::Gone), AdminState::Down, Input::Up, terms);
    assert_eq!(restored.state, State::Stopping(Sequel::Start));
    let leaving = step(State::Stopping(Sequel::Gone), AdminState::Down, Input::Down, terms);
    assert_eq!(leaving.state, State::Stopping(Sequel::Gone));
}

#[test]
fn once_exited_rests_down_whatever_the_policy_says() {
    for verdict in VERDICTS {
        let to = step(
            State::Starting(HealthyWhen::Lasted),
            AdminState::Once,
            Input::Exited(verdict),
            all_terms()[0],
        );
        assert_eq!((to.state, to.admin, to.effects), (State::Exited, AdminState::Down, [None, None]));
    }
}

#[test]
fn requirements_hold_back_a_start_but_not_a_transition() {
    let missing = Terms { requirements: Requirements::Missing, healthy: HealthyWhen::Lasted };
    let wished = step(State::Exited, AdminState::Down, Input::Up, missing);
    assert_eq!(wished.state, State::Waiting(Rest::Exited));
    let met = step(wished.state, wished.admin, Input::RequirementsMet, missing);
    assert_eq!((met.state, met.effects[0]), (State::Starting(HealthyWhen::Lasted), Some(Effect::Spawn)));
    let forced = step(State::Exited, AdminState::Down, Input::To(StateName::Starting), missing);
    assert_eq!(forced.effects[0], Some(Effect::Spawn));
    let unwanted = step(State::Waiting(Rest::New), AdminState::Up, Input::Down, missing);
    assert_eq!(unwanted.state, State::New);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random walks of hundreds of inputs, with terms that change under way.
    #[test]
    fn random_sequences_hold_the_invariants(choices in prop::collection::vec((any::<u16>(), any::<u8>()), 1..400)) {
        let terms = all_terms();
        let mut model = Model::fresh();
        for (choice, under) in choices {
            let inputs = model.possible_inputs();
            let under = terms[usize::from(under) % terms.len()];
            model = model.feed(inputs[usize::from(choice) % inputs.len()], under);
            if model.slot == Slot::GivenUp {
                model = Model::fresh();
            }
        }
        let rested = model.settle_down(terms[0]);
        prop_assert_eq!((rested.process, rested.timer), (Process::None, None));
    }
}
