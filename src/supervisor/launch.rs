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
    /// The supervisor's own environment, as `NAME=VALUE`.
    pub environment: Vec<CString>,
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
        let environment = self.environment_of(settings, &substitution)?;
        let path = environment.iter().find_map(|variable| value_of(variable, "PATH"));
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
            environment,
            directory: directory.transpose()?,
            credentials: credentials(settings, host),
            nice: settings.nice,
            io_priority: settings.ionice.and_then(io_priority),
            limits: vec![(Limit::OpenFiles, self.open_files)],
            stdin: ChildDescriptor::From(self.null.as_fd()),
            stdout: stream(settings.stdout),
            stderr: stream(settings.stderr),
            ..Blueprint::default()
        }))
    }

    /// Ours, then what follows the user, then what was configured, then what tells the program who it is.
    fn environment_of(
        &self,
        settings: &ProcessSettings,
        here: &Substitution<'_>,
    ) -> Result<Vec<CString>, NulError> {
        let mut own: Vec<(&str, String)> = Vec::with_capacity(settings.env.len() + 7);
        if let Some(account) = settings.user.as_ref().and_then(|user| user.account.as_ref()) {
            own.push(("HOME", account.home.clone()));
            own.push(("USER", account.name.clone()));
            own.push(("LOGNAME", account.name.clone()));
            own.push(("SHELL", account.shell.clone()));
        }
        own.extend(settings.env.iter().map(|(name, value)| (name.as_str(), here.apply(value))));
        own.push(("PROCNANNY_PROGRAM", here.program.to_string()));
        own.push(("PROCNANNY_INSTANCE", here.instance.to_string()));
        if !self.rpc.is_empty() {
            own.push(("PROCNANNY_RPC", self.rpc.clone()));
        }
        let is_own = |variable: &CString| own.iter().any(|(name, _)| is_of_name(variable, name));
        let mut environment: Vec<CString> =
            self.environment.iter().filter(|it| !is_own(it)).cloned().collect();
        for (place, (name, value)) in own.iter().enumerate() {
            // Of a name that is set twice, the last counts.
            if !own.iter().skip(place + 1).any(|(later, _)| later == name) {
                environment.push(CString::new(format!("{name}={value}"))?);
            }
        }
        Ok(environment)
    }
}

/// Whether a variable, `NAME=VALUE`, has this name.
fn is_of_name(variable: &CString, name: &str) -> bool {
    value_of(variable, name).is_some()
}

/// The value of a variable, `NAME=VALUE`, if it has this name.
fn value_of<'a>(variable: &'a CString, name: &str) -> Option<&'a [u8]> {
    variable.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
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
