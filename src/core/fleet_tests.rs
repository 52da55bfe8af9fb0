use super::*;
use crate::core::state::{Sequel, State};

fn fleet(programs: &[(&str, u32)]) -> Fleet {
    let mut fleet = Fleet::default();
    for (name, instances) in programs {
        let settings = Settings { instances: *instances, ..Settings::default() };
        fleet.create(name, settings, Origin::Request, Moment::default());
    }
    fleet
}

fn selection(names: &[&str], instances: &[u32]) -> Selection {
    let mut selection = Selection { instances: instances.to_vec(), ..Selection::default() };
    for name in names {
        selection.name(name);
    }
    selection
}

fn selected(
    fleet: &Fleet,
    names: &[&str],
    instances: &[u32],
    purpose: Purpose,
) -> Result<Vec<String>, SelectError> {
    let keys = fleet.select(&selection(names, instances), purpose)?;
    let name = |key: &InstanceKey| fleet.program(key.program).unwrap().name.clone();
    Ok(keys.iter().map(|key| format!("{}/{}", name(key), key.index)).collect())
}

#[test]
fn names_globs_and_numbers_select_each_instance_once_and_in_order() {
    let fleet = fleet(&[("web", 2), ("db", 1), ("worker", 3)]);
    let read = |names: &[&str], instances: &[u32]| selected(&fleet, names, instances, Purpose::Read).unwrap();
    assert_eq!(read(&[], &[]), ["db/0", "web/0", "web/1", "worker/0", "worker/1", "worker/2"]);
    assert_eq!(read(&["web"], &[]), ["web/0", "web/1"]);
    assert_eq!(read(&["w*"], &[1]), ["web/1", "worker/1"]);
    assert_eq!(
        read(&["w*", "web", "db/0"], &[]),
        ["db/0", "web/0", "web/1", "worker/0", "worker/1", "worker/2"]
    );
    assert_eq!(read(&["worker/2", "web/*"], &[]), ["web/0", "web/1", "worker/2"]);
    assert_eq!(read(&["*"], &[2]), ["worker/2"]);
}

#[test]
fn what_does_not_exist_is_named() {
    let fleet = fleet(&[("web", 2)]);
    let missing = |name: &str| SelectError::NoSuchProgram(name.to_string());
    assert_eq!(selected(&fleet, &["nope"], &[], Purpose::Read), Err(missing("nope")));
    assert_eq!(selected(&fleet, &["n*"], &[], Purpose::Read), Ok(vec![]));
    assert_eq!(selected(&fleet, &["n*"], &[], Purpose::Change), Err(missing("n*")));
    let no_instance = SelectError::NoSuchInstance("web".to_string(), 5);
    assert_eq!(selected(&fleet, &["web"], &[0, 5], Purpose::Read), Err(no_instance.clone()));
    assert_eq!(selected(&fleet, &["web/5"], &[], Purpose::End), Err(no_instance));
    assert_eq!(selected(&fleet, &["web/x"], &[], Purpose::Read), Err(missing("web/x")));
}

#[test]
fn what_is_leaving_is_ended_but_not_started() {
    let mut fleet = fleet(&[("web", 2)]);
    let id = fleet.id_of("web").unwrap();
    let key = InstanceKey { program: id, index: InstanceIndex(1) };
    fleet.instance_mut(key).unwrap().state = State::Stopping(Sequel::Gone);
    assert_eq!(selected(&fleet, &["web"], &[], Purpose::Change).unwrap(), ["web/0"]);
    assert_eq!(selected(&fleet, &["web"], &[], Purpose::End).unwrap(), ["web/0", "web/1"]);
    assert!(selected(&fleet, &["web/1"], &[], Purpose::Change).is_err());
    fleet.program_mut(id).unwrap().fate = Fate::Leaving;
    assert_eq!(
        selected(&fleet, &["web"], &[], Purpose::Change),
        Err(SelectError::Leaving("web".to_string()))
    );
    assert_eq!(fleet.remove_instance(key).program, None);
    assert_eq!(
        fleet.remove_instance(InstanceKey { index: InstanceIndex(0), ..key }).program.as_deref(),
        Some("web")
    );
    assert_eq!(fleet.id_of("web"), None);
}
