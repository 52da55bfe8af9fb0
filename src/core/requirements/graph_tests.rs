use super::*;
use crate::core::fleet::Fleet;
use crate::core::moment::Moment;
use crate::core::program::{Origin, Settings};
use crate::core::requirements::Requirement;
use crate::core::state::{AdminState, HealthyWhen, Rest, State};
use proptest::prelude::*;

/// A fleet of programs with so many instances each, which require and want others.
fn fleet(programs: &[(&str, u32, &[&str], &[&str])]) -> Fleet {
    let mut fleet = Fleet::default();
    for (name, instances, requires, wants) in programs {
        let read = |texts: &[&str]| texts.iter().map(|text| Requirement::parse(text).unwrap()).collect();
        let needs = Needs { requires: read(requires), wants: read(wants), bond: Bond::Loose };
        let settings = Settings { instances: *instances, needs, ..Settings::default() };
        let id = fleet.create(name, settings, Origin::Request, Moment::default());
        fleet.link(id);
    }
    fleet
}

fn id(fleet: &Fleet, name: &str) -> ProgramId {
    fleet.id_of(name).unwrap()
}

fn bind(fleet: &mut Fleet, name: &str) {
    let id = id(fleet, name);
    fleet.program_mut(id).unwrap().settings.needs.bond = Bond::Bound;
    fleet.link(id);
}

/// Moves an instance, and tells what that does to others, by their names.
fn put(fleet: &mut Fleet, name: &str, index: u32, state: State, admin: AdminState) -> [Vec<String>; 2] {
    let key = InstanceKey { program: id(fleet, name), index: InstanceIndex(index) };
    let instance = fleet.instance_mut(key).unwrap();
    instance.state = state;
    instance.admin = admin;
    let ripple = fleet.observe(key);
    let names = |ids: BTreeSet<ProgramId>| {
        ids.iter().map(|id| fleet.program(*id).unwrap().name.to_string()).collect()
    };
    [names(ripple.judged), names(ripple.lost)]
}

fn up(fleet: &mut Fleet, name: &str, index: u32, state: State) -> [Vec<String>; 2] {
    put(fleet, name, index, state, AdminState::Up)
}

fn reason(fleet: &Fleet, name: &str) -> String {
    fleet.needs().why_not(id(fleet, name)).unwrap_or_default()
}

fn is_met(fleet: &Fleet, name: &str) -> bool {
    fleet.requirements(id(fleet, name)) == Requirements::Met
}

const STARTING: State = State::Starting(HealthyWhen::Lasted);
const WAITING: State = State::Waiting(Rest::New);
const NONE: [Vec<String>; 2] = [Vec::new(), Vec::new()];

#[test]
fn all_instances_have_to_run() {
    let mut fleet = fleet(&[("db", 2, &[], &[]), ("web", 1, &["db"], &[])]);
    assert_eq!(reason(&fleet, "web"), "waits for db, of which 0 of 2 instances are running, 2 down");
    up(&mut fleet, "db", 0, STARTING);
    up(&mut fleet, "db", 0, State::Running);
    assert!(!is_met(&fleet, "web"));
    up(&mut fleet, "db", 1, State::Backoff);
    let expected = "waits for db, of which 1 of 2 instances are running, 1 in backoff";
    assert_eq!(reason(&fleet, "web"), expected);
    assert_eq!(up(&mut fleet, "db", 1, State::Running), [vec!["web".to_string()], vec![]]);
    assert!(is_met(&fleet, "web"));
    assert_eq!(reason(&fleet, "web"), "");
}

#[test]
fn no_instances_are_there() {
    let fleet = fleet(&[("db", 0, &[], &[]), ("web", 1, &["db", "db:completed"], &["db"])]);
    assert!(is_met(&fleet, "web"));
}

#[test]
fn nobody_starts_because_of_what_is_to_stop() {
    let mut fleet = fleet(&[("db", 1, &[], &[]), ("web", 1, &["db"], &[])]);
    bind(&mut fleet, "web");
    up(&mut fleet, "db", 0, State::Running);
    let key = InstanceKey { program: id(&fleet, "db"), index: InstanceIndex(0) };
    let web = BTreeSet::from([id(&fleet, "web")]);
    let ripple = fleet.departs(key);
    assert_eq!((ripple.judged, ripple.lost), (web.clone(), BTreeSet::new()), "it still runs");
    assert_eq!(reason(&fleet, "web"), "waits for db, which is to stop");
    assert_eq!(fleet.stays(key).judged, web);
    assert!(is_met(&fleet, "web"));
    // Once it has stopped, that is over.
    fleet.departs(key);
    up(&mut fleet, "db", 0, State::Exited);
    up(&mut fleet, "db", 0, State::Running);
    assert!(is_met(&fleet, "web"));
}

#[test]
fn those_that_nobody_needs_concern_nobody() {
    let mut fleet = fleet(&[("db", 1, &[], &[]), ("web", 1, &["db"], &[])]);
    assert_eq!(up(&mut fleet, "web", 0, WAITING), NONE);
    assert_eq!(up(&mut fleet, "web", 0, State::Running), NONE);
    // Told again what is known already.
    up(&mut fleet, "db", 0, State::Running);
    assert_eq!(up(&mut fleet, "db", 0, State::Running), NONE);
}

#[test]
fn what_is_wanted_is_waited_for_while_it_is_on_its_way() {
    let mut fleet =
        fleet(&[("db", 1, &[], &[]), ("cache", 1, &["db"], &[]), ("web", 1, &[], &["cache", "nobody"])]);
    assert!(is_met(&fleet, "web"), "what is down is not waited for");
    up(&mut fleet, "db", 0, STARTING);
    up(&mut fleet, "cache", 0, WAITING);
    assert_eq!(reason(&fleet, "web"), "waits for cache, which is waiting");
    // What waits in vain is not on its way; that is heard through programs that did nothing themselves.
    assert_eq!(up(&mut fleet, "db", 0, State::Failed)[0], ["cache", "web"]);
    assert!(is_met(&fleet, "web") && !is_met(&fleet, "cache"));
    assert_eq!(fleet.needs().hope(id(&fleet, "cache")), Outlook::Failed);
    put(&mut fleet, "db", 0, State::Exited, AdminState::Down);
    assert_eq!(fleet.needs().hope(id(&fleet, "cache")), Outlook::Absent);
    up(&mut fleet, "db", 0, State::Running);
    assert!(!is_met(&fleet, "web") && is_met(&fleet, "cache"));
    up(&mut fleet, "cache", 0, STARTING);
    assert_eq!(reason(&fleet, "web"), "waits for cache, which is starting");
    up(&mut fleet, "cache", 0, State::Backoff);
    assert!(is_met(&fleet, "web"));
}

#[test]
fn completion_is_an_end_with_success() {
    let mut fleet = fleet(&[("job", 1, &[], &[]), ("web", 1, &["job:completed"], &[])]);
    up(&mut fleet, "job", 0, State::Running);
    assert_eq!(reason(&fleet, "web"), "waits for job to complete, which is running");
    put(&mut fleet, "job", 0, State::Exited, AdminState::Down);
    assert_eq!(reason(&fleet, "web"), "waits for job to complete, which is down");
    let key = InstanceKey { program: id(&fleet, "job"), index: InstanceIndex(0) };
    fleet.instance_mut(key).unwrap().last = Some(crate::core::instance::LastRun {
        ending: crate::core::policy::Ending::Exited(0),
        duration: std::time::Duration::ZERO,
        cause: crate::core::instance::Cause::Finished,
        stop_note: None,
        asked_by: None,
    });
    assert_eq!(put(&mut fleet, "job", 0, State::Exited, AdminState::Down)[0], ["web"]);
    assert!(is_met(&fleet, "web"));
    // Started again, it has to complete again.
    put(&mut fleet, "job", 0, STARTING, AdminState::Once);
    assert!(!is_met(&fleet, "web"));
}

#[test]
fn those_that_are_bound_lose_what_stops_running() {
    let mut fleet = fleet(&[("db", 1, &[], &[]), ("web", 1, &["db"], &[]), ("loose", 1, &["db"], &[])]);
    bind(&mut fleet, "web");
    assert_eq!(up(&mut fleet, "db", 0, STARTING)[1], [""; 0]);
    up(&mut fleet, "db", 0, State::Running);
    assert_eq!(up(&mut fleet, "db", 0, State::Exited)[1], ["web"]);
    // A new slot takes nothing away from anybody, nor does one that is to be gone.
    let db = id(&fleet, "db");
    up(&mut fleet, "db", 0, State::Running);
    fleet
        .program_mut(db)
        .unwrap()
        .instances
        .insert(InstanceIndex(1), crate::core::instance::Instance::new(Moment::default()));
    let ripple = fleet.observe(InstanceKey { program: db, index: InstanceIndex(1) });
    assert_eq!((ripple.judged.len(), ripple.lost.len()), (2, 0));
    up(&mut fleet, "db", 1, State::Running);
    let leaving = up(&mut fleet, "db", 1, State::Stopping(crate::core::state::Sequel::Gone));
    assert_eq!(leaving, NONE, "what remains is still there");
    assert!(is_met(&fleet, "web"));
}

#[test]
fn a_program_that_goes_is_missed_and_welcome_back() {
    let mut fleet = fleet(&[("web", 1, &["db"], &[])]);
    assert_eq!(reason(&fleet, "web"), "waits for db, but there is no such program");
    let db = fleet.create("db", Settings::default(), Origin::Request, Moment::default());
    assert_eq!(fleet.link(db).judged, BTreeSet::from([db, id(&fleet, "web")]));
    assert_eq!(reason(&fleet, "web"), "waits for db, which is down");
    assert_eq!(fleet.needs().required_by(db), [id(&fleet, "web")]);
    bind(&mut fleet, "web");
    up(&mut fleet, "db", 0, State::Running);
    assert_eq!(fleet.leave(db).lost, BTreeSet::from([id(&fleet, "web")]));
    assert_eq!(reason(&fleet, "web"), "waits for db, which is being removed");
    fleet.remove_program(db);
    assert_eq!(reason(&fleet, "web"), "waits for db, but there is no such program");
    // Whoever needs nothing any more is forgotten, and those that were needed.
    let web = id(&fleet, "web");
    fleet.program_mut(web).unwrap().settings.needs = Needs::default();
    fleet.link(web);
    assert!(fleet.needs().is_empty() && fleet.needs().absent.is_empty() && fleet.needs().needed.is_empty());
}

#[test]
fn needed_ones_come_first() {
    let fleet =
        fleet(&[("a", 2, &["b"], &[]), ("b", 1, &[], &["c"]), ("c", 1, &[], &[]), ("d", 1, &[], &[])]);
    let mut keys: Vec<InstanceKey> = fleet.keys().collect();
    fleet.needed_first(&mut keys);
    let names: Vec<String> =
        keys.iter().map(|key| fleet.program(key.program).unwrap().name.to_string()).collect();
    assert_eq!(names, ["c", "d", "b", "a", "a"]);
    let among = |names: &[&str]| {
        let ids = names.iter().map(|name| id(&fleet, name)).collect();
        fleet.needs().needs_among(&ids)
    };
    // Through a program that is not among them.
    assert_eq!(among(&["a", "c"])[&id(&fleet, "a")], BTreeSet::from([id(&fleet, "c")]));
    assert_eq!(among(&["a", "b", "c"])[&id(&fleet, "a")], BTreeSet::from([id(&fleet, "b")]));
}

const STATES: [State; 8] = [
    State::New,
    WAITING,
    STARTING,
    State::Running,
    State::Stopping(crate::core::state::Sequel::Start),
    State::Exited,
    State::Backoff,
    State::Failed,
];

proptest! {
    /// Whatever happens in whatever order, what is kept is what would be found by looking at everything anew.
    #[test]
    fn what_is_kept_is_what_is_so(
        edges in prop::collection::vec((0usize..6, 0usize..6, 0usize..3), 0..12),
        moves in prop::collection::vec((0usize..6, 0u32..2, 0usize..8, any::<bool>()), 0..40),
    ) {
        let names = ["p0", "p1", "p2", "p3", "p4", "p5"];
        // Later ones need earlier ones, so that there is no cycle.
        let needs = |from: usize, strength: usize| -> Vec<String> {
            let of = edges.iter().filter(|(a, b, how)| *a == from && b < a && (*how == 2) == (strength == 1));
            of.map(|(_, b, how)| format!("{}{}", names[*b], if *how == 1 { ":completed" } else { "" })).collect()
        };
        let owned: Vec<[Vec<String>; 2]> = (0..6).map(|from| [needs(from, 0), needs(from, 1)]).collect();
        let lists: Vec<[Vec<&str>; 2]> =
            owned.iter().map(|both| both.each_ref().map(|texts| texts.iter().map(String::as_str).collect())).collect();
        let programs: Vec<(&str, u32, &[&str], &[&str])> = names
            .iter()
            .zip(&lists)
            .map(|(name, [requires, wants])| (*name, 2, requires.as_slice(), wants.as_slice()))
            .collect();
        let mut changed = fleet(&programs);
        for (program, index, state, wanted) in &moves {
            let admin = if *wanted { AdminState::Up } else { AdminState::Down };
            put(&mut changed, names[*program], *index, STATES[*state], admin);
        }
        // The same states, known from the beginning, in a fleet that was put together the other way round.
        let mut anew = Fleet::default();
        for name in names.into_iter().rev() {
            let old = changed.program(id(&changed, name)).unwrap();
            let new = anew.create(name, old.settings.clone(), Origin::Request, Moment::default());
            for (index, instance) in &old.instances {
                let key = InstanceKey { program: new, index: *index };
                let copy = anew.instance_mut(key).unwrap();
                (copy.state, copy.admin) = (instance.state, instance.admin);
            }
        }
        for name in names {
            let id = id(&anew, name);
            anew.link(id);
        }
        for name in names {
            prop_assert_eq!(is_met(&changed, name), is_met(&anew, name), "{}", name);
            prop_assert_eq!(reason(&changed, name), reason(&anew, name));
            let hope = |fleet: &Fleet| fleet.needs().hope(id(fleet, name));
            prop_assert_eq!(hope(&changed), hope(&anew), "{}", name);
        }
    }
}
