//! From the settings of a program to all that a new process needs: substituted, looked up, and free of anything
//! that would have to be done between fork and exec.

use crate::api::host::Host;
use crate::core::ids::InstanceIndex;
use crate::core::program::{IoPriority, Output, ProcessSettings, Program, User};
use crate::core::substitute::Substitution;
use crate::sys::limits::{Limit, LimitValues};
use crate::sys::plan::{Blueprint, ChildDescriptor, ChildPlan, Credentials};
use crate::sys::priority::{self, IoClass};
use std::ffi::{CString, NulError};
use std::os::fd::{AsFd, OwnedFd};

/// What every process is given.
#[derive(Debug)]
pub struct Launch {
    /// The supervisor's own environment, as names and values.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// The limit of open files that the supervisor was started with.
    pub open_files: LimitValues,
    /// `/dev/null`, open for reading and writing.
    pub null: OwnedFd,
    /// Where programs find the supervisor; empty if nowhere.
    pub rpc: String,
}

/// Where programs are looked for when there is no PATH: that of confstr(3).
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

impl Launch {
    /// The plan for a process of an instance.
    ///
    /// # Errors
    /// A NUL byte in what has to be a C string.
    pub fn plan(
        &self,
        program: &Program,
        index: InstanceIndex,
        host: Host,
    ) -> Result<ChildPlan<'_>, NulError> {
        let settings = &program.settings.process;
        let substitution = Substitution {
            program: &program.name,
            instance: index,
            uid: host.uid_of(settings),
            gid: host.gid_of(settings),
        };
        let command = substitution.apply(&settings.command);
        let environment = self.environment_of(settings, &substitution);
        let path = environment.iter().find(|(name, _)| name == b"PATH").map(|(_, value)| value.as_slice());
        let candidates = candidates(command.as_bytes(), path.unwrap_or(DEFAULT_PATH))?;
        let mut arguments = vec![CString::new(command)?];
        for arg in &settings.args {
            arguments.push(CString::new(substitution.apply(arg))?);
        }
        let directory =
            settings.directory.as_deref().map(|directory| CString::new(substitution.apply(directory)));
        let stream = |output| match output {
            Output::Inherit => ChildDescriptor::Inherit,
            Output::Null => ChildDescriptor::From(self.null.as_fd()),
        };
        Ok(ChildPlan::new(Blueprint {
            candidates,
            arguments,
            environment: environment.into_iter().map(variable).collect::<Result<_, _>>()?,
            directory: directory.transpose()?,
            credentials: credentials(settings, host),
            nice: settings.nice,
            io_priority: settings.ionice.and_then(io_priority),
            limits: vec![(Limit::OpenFiles, self.open_files)],
            stdin: ChildDescriptor::From(self.null.as_fd()),
            stdout: stream(settings.stdout),
            stderr: stream(settings.stderr),
        }))
    }

    /// Ours, then what follows the user, then what was configured, then what tells the program who it is.
    fn environment_of(&self, settings: &ProcessSettings, here: &Substitution<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut environment = self.environment.clone();
        let mut set = |name: &str, value: String| {
            environment.retain(|(existing, _)| existing != name.as_bytes());
            environment.push((name.as_bytes().to_vec(), value.into_bytes()));
        };
        if let Some(account) = settings.user.as_ref().and_then(|user| user.account.as_ref()) {
            set("HOME", account.home.clone());
            set("USER", account.name.clone());
            set("LOGNAME", account.name.clone());
            set("SHELL", account.shell.clone());
        }
        for (name, value) in &settings.env {
            set(name, here.apply(value));
        }
        set("PROCNANNY_PROGRAM", here.program.to_string());
        set("PROCNANNY_INSTANCE", here.instance.to_string());
        if !self.rpc.is_empty() {
            set("PROCNANNY_RPC", self.rpc.clone());
        }
        environment
    }
}

/// The command as it is, if it has a slash; else one in each directory of PATH, where an empty entry stands for the
/// working directory.
fn candidates(command: &[u8], path: &[u8]) -> Result<Vec<CString>, NulError> {
    if command.contains(&b'/') {
        return Ok(vec![CString::new(command)?]);
    }
    let candidate = |directory: &[u8]| {
        let directory = if directory.is_empty() { b"." } else { directory };
        CString::new([directory, b"/", command].concat())
    };
    path.split(|byte| *byte == b':').map(candidate).collect()
}

fn variable((name, value): (Vec<u8>, Vec<u8>)) -> Result<CString, NulError> {
    CString::new([name.as_slice(), b"=", value.as_slice()].concat())
}

/// The identity to take on; `None` where it is ours already, so that an ordinary user can name itself.
fn credentials(settings: &ProcessSettings, host: Host) -> Option<Credentials> {
    let (uid, gid) = (host.uid_of(settings), host.gid_of(settings));
    let ours = uid == host.uid && gid == host.gid;
    if settings.user.is_none() && settings.group.is_none() || ours && host.uid != 0 {
        return None;
    }
    let of_user = settings.user.as_ref().and_then(|user: &User| user.account.as_ref());
    let mut groups = of_user.map_or_else(Vec::new, |account| account.groups.clone());
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    Some(Credentials { uid, gid, groups })
}

fn io_priority(given: IoPriority) -> Option<priority::IoPriority> {
    let (class, level) = match given {
        IoPriority::Idle => (IoClass::Idle, 0),
        IoPriority::BestEffort(level) => (IoClass::BestEffort, level),
        IoPriority::Realtime(level) => (IoClass::RealTime, level),
    };
    priority::IoPriority::new(class, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::program::{Account, Identity};

    fn names(command: &str, path: &str) -> Vec<String> {
        let found = candidates(command.as_bytes(), path.as_bytes()).unwrap();
        found.iter().map(|path| path.to_str().unwrap().to_string()).collect()
    }

    #[test]
    fn commands_without_a_slash_are_looked_for() {
        assert_eq!(names("ls", "/bin::/usr/bin"), ["/bin/ls", "./ls", "/usr/bin/ls"]);
        assert_eq!(names("./ls", "/bin"), ["./ls"]);
        assert_eq!(names("/bin/ls", "/x"), ["/bin/ls"]);
    }

    #[test]
    fn an_identity_is_taken_on_only_where_it_differs_or_can_be_shed() {
        let ours = Host { uid: 1000, gid: 1000, nice: 0 };
        let root = Host { uid: 0, gid: 0, nice: 0 };
        let account = Account { gid: 1000, groups: vec![4, 1000], ..Account::default() };
        let identity = Identity { given: "me".to_string(), id: 1000 };
        let user = User { identity, account: Some(account) };
        let named = ProcessSettings { user: Some(user), ..ProcessSettings::default() };
        assert_eq!(credentials(&ProcessSettings::default(), root), None);
        assert_eq!(credentials(&named, ours), None);
        let taken = Credentials { uid: 1000, gid: 1000, groups: vec![4, 1000] };
        assert_eq!(credentials(&named, root), Some(taken));
    }
}
