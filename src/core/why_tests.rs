use super::super::instance::{ArmedTimer, Run, Stop};
use super::super::moment::Moment;
use super::super::policy::Reached;
use super::super::state::{Rest, Sequel};
use super::*;
use crate::core::ids::Pid;

const OLD: Duration = Duration::from_secs(100);
const YOUNG: Duration = Duration::from_millis(100);

fn instance(state: State, admin: AdminState) -> Instance {
    let mut instance = Instance::new(Moment::default());
    (instance.state, instance.admin) = (state, admin);
    if state.name().has_process() {
        instance.run = Some(Run {
            pid: Pid::new(7).unwrap(),
            started: Moment::default(),
            revision: 0,
            execution: Execution::Done,
            stop: Stop::NotAsked,
            stop_note: None,
            health: None,
            ailment: None,
            announcements: None,
            reached: Reached::Starting,
            asked_by: None,
            signalled: None,
        });
    }
    instance
}

fn situation<'a>(settings: &'a Settings, instance: &'a Instance) -> Situation<'a> {
    Situation { settings, instance, requirements: Requirements::Met }
}

fn if_it_died(settings: &Settings, state: State, admin: AdminState, age: Duration) -> IfItDied {
    situation(settings, &instance(state, admin)).if_it_died(age)
}

/// What follows, where it is the same however it ends.
#[track_caller]
fn anyhow(
    settings: &Settings,
    state: State,
    admin: AdminState,
    age: Duration,
) -> (StateName, AdminState, Then) {
    match if_it_died(settings, state, admin, age) {
        IfItDied::Anyhow(Prospect { outlook, .. }) => (outlook.state, outlook.admin, outlook.then),
        other => panic!("{other:?}"),
    }
}

const STATES: [State; 20] = [
    State::New,
    State::Waiting(Rest::New),
    State::Waiting(Rest::Exited),
    State::Starting(HealthyWhen::Lasted),
    State::Starting(HealthyWhen::Notified),
    State::Starting(HealthyWhen::Executed),
    State::Running,
    State::Stopping(Sequel::Exited),
    State::Stopping(Sequel::Start),
    State::Stopping(Sequel::StartNow(HealthyWhen::Lasted)),
    State::Stopping(Sequel::StartNow(HealthyWhen::Notified)),
    State::Stopping(Sequel::StartNow(HealthyWhen::Executed)),
    State::Stopping(Sequel::Waiting),
    State::Stopping(Sequel::Backoff),
    State::Stopping(Sequel::Failed),
    State::Stopping(Sequel::New),
    State::Stopping(Sequel::Gone),
    State::Exited,
    State::Backoff,
    State::Failed,
];

/// In every state under every admin state the answer is what the table does, and only those that have a process can
/// die.
#[test]
fn every_state_has_an_answer() {
    let settings = Settings::default();
    for state in STATES {
        for admin in AdminState::ALL {
            let instance = instance(state, admin);
            let situation = situation(&settings, &instance);
            let prospects = match situation.if_it_died(OLD) {
                IfItDied::NoProcess => vec![],
                IfItDied::Anyhow(prospect) => vec![prospect],
                IfItDied::Depends { success, failure } => vec![success, failure],
            };
            assert_eq!(prospects.is_empty(), !state.name().has_process(), "{state:?} {admin:?}");
            for Prospect { verdict, outlook, .. } in prospects {
                let input = Input::Exited(verdict.unwrap_or(Verdict::Done));
                let step = step(state, admin, input, situation.terms());
                assert_eq!((outlook.state, outlook.admin), (step.state.name(), step.admin));
                assert_eq!(verdict.is_none(), state.name() == StateName::Stopping);
                let is_waiting = outlook.state == StateName::Waiting;
                assert_eq!(outlook.then == Then::Waits, is_waiting, "{state:?} {admin:?}");
            }
            let waits_for = situation.waits_for();
            assert_eq!(waits_for == WaitsFor::Nothing, state == State::Running, "{state:?}");
        }
    }
}

#[test]
fn an_exit_is_followed_as_the_policy_says() {
    let settings = Settings::default();
    let (up, once, down) = (AdminState::Up, AdminState::Once, AdminState::Down);
    let starts = |seconds: f64| Then::Starts(Duration::from_secs_f64(seconds));
    assert_eq!(anyhow(&settings, State::Running, up, OLD), (StateName::Exited, up, starts(0.0)));
    assert_eq!(anyhow(&settings, State::Running, once, OLD), (StateName::Exited, down, Then::Rests));
    let slow = Settings {
        policy: RestartPolicy { restart_delay: Duration::from_secs(3), ..RestartPolicy::default() },
        ..Settings::default()
    };
    assert_eq!(anyhow(&slow, State::Running, up, OLD), (StateName::Exited, up, starts(3.0)));
    let starting = State::Starting(HealthyWhen::Lasted);
    let (state, _, then) = anyhow(&settings, starting, up, YOUNG);
    let Then::Starts(delay) = then else { panic!("{then:?}") };
    assert_eq!((state, (delay.as_secs_f64() * 100.0).round()), (StateName::Exited, 50.0));
    let stopping = |sequel| anyhow(&settings, State::Stopping(sequel), up, OLD);
    assert_eq!(stopping(Sequel::Start), (StateName::Starting, up, starts(0.0)));
    assert_eq!(stopping(Sequel::Failed), (StateName::Failed, up, Then::Rests));
    assert_eq!(stopping(Sequel::New), (StateName::New, down, Then::Rests));
    assert_eq!(stopping(Sequel::Gone), (StateName::Exited, down, Then::Gone));
}

#[test]
fn success_and_failure_are_told_apart_where_they_differ() {
    let settings = Settings {
        policy: RestartPolicy {
            restart: super::super::program::Restart::OnFailure,
            success_exit_codes: vec![2, 0, 1],
            ..RestartPolicy::default()
        },
        ..Settings::default()
    };
    let IfItDied::Depends { success, failure } = if_it_died(&settings, State::Running, AdminState::Up, OLD)
    else {
        panic!()
    };
    assert_eq!((success.ending, success.verdict), (Ending::Exited(0), Some(Verdict::Done)));
    assert_eq!((failure.ending, failure.verdict), (Ending::Exited(3), Some(Verdict::Again)));
    assert_eq!(success.outlook.admin, AdminState::Down);
    let none = RestartPolicy { success_exit_codes: vec![], ..settings.policy.clone() };
    let settings = Settings { policy: none, ..settings };
    assert!(matches!(if_it_died(&settings, State::Running, AdminState::Up, OLD), IfItDied::Anyhow(_)));
    let all = RestartPolicy { success_exit_codes: (0..=255).collect(), ..RestartPolicy::default() };
    assert_eq!(super::failure(&all), Ending::Killed(9));
}

#[test]
fn the_last_straw_is_foreseen() {
    let policy = RestartPolicy { give_up_after: 3, flap_max: 1, ..RestartPolicy::default() };
    let settings = Settings { policy, ..Settings::default() };
    for (flaps, verdict, state) in [
        (0, Verdict::Flap, StateName::Exited),
        (1, Verdict::Flapping, StateName::Backoff),
        (2, Verdict::GiveUp, StateName::Failed),
    ] {
        let mut instance = instance(State::Starting(HealthyWhen::Lasted), AdminState::Up);
        instance.flap_count = flaps;
        let IfItDied::Anyhow(prospect) = situation(&settings, &instance).if_it_died(YOUNG) else { panic!() };
        assert_eq!((prospect.verdict, prospect.flap_count), (Some(verdict), flaps + 1));
        assert_eq!(prospect.outlook.state, state);
        assert_eq!(instance.flap_count, flaps, "asked of a copy");
    }
}

#[test]
fn what_a_timer_leads_to() {
    let settings = Settings::default();
    let fired = |state, timer| {
        let mut instance = instance(state, AdminState::Up);
        instance.timer = Some(ArmedTimer { timer, at: Moment::default() });
        let outlook = situation(&settings, &instance).when_fired(timer, YOUNG);
        (outlook.state, outlook.then)
    };
    let starts = Then::Starts(Duration::ZERO);
    assert_eq!(
        fired(State::Starting(HealthyWhen::Lasted), Timer::Healthy),
        (StateName::Running, Then::Rests)
    );
    assert_eq!(fired(State::Backoff, Timer::BackoffDelay), (StateName::Starting, starts));
    assert_eq!(fired(State::Exited, Timer::RestartDelay), (StateName::Starting, starts));
    let stops = Then::Stops(Duration::from_secs(10));
    assert_eq!(
        fired(State::Starting(HealthyWhen::Notified), Timer::StartTimeout),
        (StateName::Stopping, stops)
    );
    let killed = Then::Stops(Duration::ZERO);
    assert_eq!(fired(State::Stopping(Sequel::Exited), Timer::StopTimeout), (StateName::Stopping, killed));
    assert_eq!(fired(State::Running, Timer::Settled), (StateName::Running, Then::Rests));
}

#[test]
fn what_it_waits_for() {
    let settings = Settings::default();
    let waits = |instance: &Instance| situation(&settings, instance).waits_for();
    let starting = |healthy| instance(State::Starting(healthy), AdminState::Up);
    assert_eq!(waits(&starting(HealthyWhen::Lasted)), WaitsFor::Lasting(Duration::from_secs(5)));
    assert_eq!(waits(&starting(HealthyWhen::Notified)), WaitsFor::Readiness(Readiness::Delay));
    let mut pending = starting(HealthyWhen::Lasted);
    pending.run.as_mut().unwrap().execution = Execution::Pending;
    assert_eq!(waits(&pending), WaitsFor::Execution);
    let mut exited = instance(State::Exited, AdminState::Up);
    assert_eq!(waits(&exited), WaitsFor::Operator);
    exited.timer = Some(ArmedTimer { timer: Timer::RestartDelay, at: Moment::default() });
    assert_eq!(waits(&exited), WaitsFor::Delay);
}

#[test]
fn flaps_are_forgiven_by_a_run_that_lasts() {
    let settings = Settings::default();
    let mut instance = instance(State::Running, AdminState::Up);
    assert_eq!(situation(&settings, &instance).forgiveness(YOUNG), Forgiveness::NothingToForgive);
    instance.flap_count = 2;
    let left = Duration::from_millis(400);
    assert_eq!(situation(&settings, &instance).forgiveness(YOUNG), Forgiveness::In(left));
    instance.state = State::Backoff;
    let needed = Duration::from_millis(500);
    assert_eq!(situation(&settings, &instance).forgiveness(YOUNG), Forgiveness::ByRun(needed));
}
