use super::super::accounts;
use super::*;
use crate::core::program::{IoPriority, Output};
use crate::core::settings::{
    Capabilities, Cpus, InheritEnv, LimitSetting, NewPrivileges, Scheduler, StandardInput,
};
use crate::core::sockets::{SocketPlace, SocketSetting};

fn set(name: &str, value: impl Into<Value>) -> Result<Settings, String> {
    let mut settings = Settings::default();
    apply(&mut settings, name, &value.into()).map_err(|error| error.to_string())?;
    Ok(settings)
}

#[test]
fn every_setting_takes_what_it_gives() {
    let mut settings = Settings::default();
    settings.process.command = "/bin/true".to_string();
    settings.process.directory = Some("/".to_string());
    settings.process.nice = Some(-3);
    settings.process.ionice = Some(IoPriority::Realtime(2));
    settings.process.env = vec![("A".to_string(), "b".to_string())];
    settings.process.user = Some(accounts::user("root").unwrap());
    settings.process.group = Some(accounts::group("root").unwrap());
    settings.process.groups = Some(vec![accounts::group("root").unwrap(), accounts::group("7").unwrap()]);
    settings.process.capabilities = Some(Capabilities(0b11));
    settings.process.new_privileges = NewPrivileges::Refused;
    settings.process.scheduler = Some(Scheduler::Fifo(3));
    settings.process.cpus = Some(Cpus(vec![0]));
    settings.process.oom_score_adj = Some(-7);
    settings.process.limits = vec![LimitSetting { name: "core", soft: 1, hard: u64::MAX }];
    settings.process.umask = Some(0o27);
    settings.process.chroot = Some("/srv".to_string());
    settings.process.inherit_env = InheritEnv::Only(vec!["LANG".to_string()]);
    settings.process.stdin = StandardInput::Path("/etc/passwd".to_string());
    settings.process.stdout = Output::Path("/tmp/%n".to_string());
    settings.process.stderr = Output::Stdout;
    settings.log.policy.keep = 7;
    let socket =
        SocketSetting { name: Some("web".to_string()), place: SocketPlace::Unix("/run/%n".to_string()) };
    settings.process.sockets = vec![socket];
    settings.stop.command = vec!["true".to_string(), "now".to_string()];
    let health = Value::map([("command", Value::from("check")), ("retries", Value::Int(7))]);
    settings.health.check = super::super::health::read(&health).unwrap();
    settings.health.memory_limit = Some(5 << 20);
    settings.policy.restart_delay = std::time::Duration::from_millis(1250);
    let mut copy = Settings::default();
    // Files have to be there, cgroups to be had, and a terminal goes with nothing: those are tested elsewhere.
    for key in all().filter(|key| !["env_file", "cgroup", "tty"].contains(&key.name())) {
        apply(&mut copy, key.name(), &key.get(&settings)).unwrap();
    }
    assert_eq!(copy, settings);
    assert_eq!(check(&copy), Ok(()));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = all().flat_map(|key| key.names.iter().copied()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    assert_eq!(set("instancs", 1).unwrap_err(), "there is no setting 'instancs'; did you mean 'instances'?");
    assert_eq!(
        set("instances", 100_001).unwrap_err(),
        "'instances' is 100001, expected a whole number from 0 to 100000"
    );
    assert_eq!(
        set("restart", "sometimes").unwrap_err(),
        "'restart' is \"sometimes\", expected \"always\", \"on-failure\" or \"never\""
    );
    assert!(
        set("user", "no such user here").unwrap_err().contains("expected a user of /etc/passwd or a number")
    );
    assert!(set("user", "rooot").unwrap_err().contains("did you mean 'root'?"));
    assert!(set("groups", Value::Array(vec!["rooot".into()])).unwrap_err().contains("did you mean 'root'?"));
    assert_eq!(
        set("stdout", "stdout").unwrap_err(),
        "'stdout' is \"stdout\", expected \"log\", \"inherit\", \"null\" or an absolute path"
    );
    assert!(set("stderr", "stdot").unwrap_err().contains("expected \"stdout\", \"log\", "));
    assert!(set("limits", Value::map([("nofil", Value::Int(1))])).unwrap_err().starts_with("'limits' is {"));
    assert!(set("stop_signal", "KILLL").is_err());
    let secret = set("env", "PASSWORD=x").unwrap_err();
    assert!(secret.starts_with("'env' is of type string, expected a table of strings"), "{secret}");
    assert_eq!(set("stop_signal", "SIGUSR1").unwrap().stop.signal, 10);
    assert_eq!(set("memory_limit", "64K").unwrap().health.memory_limit, Some(65_536));
    assert_eq!(set("memory_limit", 0).unwrap().health.memory_limit, None);
    let size = "expected a size: a number of bytes, or \"64K\", \"10M\", \"1G\"";
    assert!(set("memory_limit", "64KB").unwrap_err().contains(size));
    assert_eq!(set("uid", 0).unwrap().process.user.unwrap().identity.id, 0);
}

#[test]
fn settings_are_checked_together() {
    assert_eq!(check(&Settings::default()).unwrap_err().to_string(), "Message is missing 'command' field");
    let mut settings = Settings::default();
    apply(&mut settings, "command", &Value::from("x")).unwrap();
    apply(&mut settings, "user", &Value::Int(54321)).unwrap();
    assert!(check(&settings).unwrap_err().to_string().contains("'group' has to be given"));
    apply(&mut settings, "group", &Value::Int(5)).unwrap();
    assert_eq!(check(&settings), Ok(()));
}
