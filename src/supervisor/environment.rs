//! The environment of a new process: layer upon layer, each of which goes over the one before.

use crate::config::runtime_dir::RPC_VARIABLE;
use crate::core::order;
use crate::core::program::ProcessSettings;
use crate::core::settings::InheritEnv;
use crate::core::substitute::Substitution;
use std::borrow::Cow;
use std::ffi::{CString, NulError};

/// What all processes have of the supervisor.
#[derive(Clone, Copy, Debug)]
pub struct Inherited<'a> {
    /// Its own environment, as `NAME=VALUE`.
    pub own: &'a [CString],
    /// Where programs find it; empty if nowhere.
    pub rpc: &'a str,
}

impl Inherited<'_> {
    /// Ours, as far as it is inherited; then what follows the user; then what was configured; then what tells the
    /// program who it is; then what this process alone is told. In the order of the names.
    ///
    /// # Errors
    /// A NUL byte in a value.
    pub fn environment_of(
        self,
        settings: &ProcessSettings,
        here: Substitution<'_>,
        own: Vec<(&'static str, String)>,
    ) -> Result<Vec<CString>, NulError> {
        let is_inherited = |name: &[u8]| match &settings.inherit_env {
            InheritEnv::All => true,
            InheritEnv::Nothing => false,
            InheritEnv::Only(names) => names.iter().any(|only| only.as_bytes() == name),
        };
        let mut all: Vec<Variable<'_>> = self.own.iter().map(Variable::inherited).collect();
        all.retain(|variable| is_inherited(variable.name));
        if let Some(account) = settings.user.as_ref().and_then(|user| user.account.as_ref()) {
            all.push(Variable::given("HOME", &account.home));
            all.push(Variable::given("USER", &account.name));
            all.push(Variable::given("LOGNAME", &account.name));
            all.push(Variable::given("SHELL", &account.shell));
        }
        let of_files = settings.env_files.iter().flat_map(|file| &file.variables);
        all.extend(of_files.map(|(name, value)| Variable::given(name, value)));
        all.extend(settings.env.iter().map(|(name, value)| Variable::made(name, here.apply(value))));
        all.push(Variable::given("PROCNANNY_PROGRAM", here.program));
        all.push(Variable::made("PROCNANNY_INSTANCE", here.instance.to_string()));
        if !self.rpc.is_empty() {
            all.push(Variable::given(RPC_VARIABLE, self.rpc));
        }
        all.extend(own.into_iter().map(|(name, value)| Variable::made(name, value)));
        // Of several of the same name the last holds. Sorting keeps their order, and its time does not grow with the
        // square of their number.
        all.reverse();
        order::sort_by_key(&mut all, |variable| variable.name);
        all.dedup_by_key(|variable| variable.name);
        all.into_iter().map(Variable::into_text).collect()
    }
}

/// A variable of an environment.
#[derive(Debug)]
struct Variable<'a> {
    name: &'a [u8],
    content: Content<'a>,
}

/// What a variable is made of.
#[derive(Debug)]
enum Content<'a> {
    /// The whole of it, `NAME=VALUE`.
    Whole(&'a CString),
    /// Its value.
    Value(Cow<'a, str>),
}

impl<'a> Variable<'a> {
    fn inherited(text: &'a CString) -> Self {
        let bytes = text.as_bytes();
        Self {
            name: bytes.split(|byte| *byte == b'=').next().unwrap_or(bytes),
            content: Content::Whole(text),
        }
    }

    fn given(name: &'a str, value: &'a str) -> Self {
        Self { name: name.as_bytes(), content: Content::Value(Cow::Borrowed(value)) }
    }

    fn made(name: &'a str, value: String) -> Self {
        Self { name: name.as_bytes(), content: Content::Value(Cow::Owned(value)) }
    }

    /// `NAME=VALUE`.
    fn into_text(self) -> Result<CString, NulError> {
        match self.content {
            Content::Whole(text) => Ok(text.clone()),
            Content::Value(value) => {
                // With room for what ends a C string.
                let mut text = Vec::with_capacity(self.name.len() + value.len() + 2);
                text.extend_from_slice(self.name);
                text.push(b'=');
                text.extend_from_slice(value.as_bytes());
                CString::new(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::InstanceIndex;
    use crate::core::program::{Account, Identity, User};
    use crate::core::settings::EnvFile;

    fn environment(settings: &ProcessSettings) -> Vec<String> {
        let own = [c"PATH=/bin", c"LANG=C", c"HOME=/root"].map(CString::from);
        let inherited = Inherited { own: &own, rpc: "" };
        let here = Substitution { program: "web", instance: InstanceIndex(3), uid: 5, gid: 6, source: None };
        let all = inherited.environment_of(settings, here, Vec::new()).unwrap();
        let shown = all.into_iter().map(|variable| variable.into_string().unwrap());
        shown.filter(|variable| !variable.starts_with("PROCNANNY_")).collect()
    }

    #[test]
    fn each_layer_of_the_environment_goes_over_the_one_before() {
        let mut settings = ProcessSettings::default();
        assert_eq!(environment(&settings), ["HOME=/root", "LANG=C", "PATH=/bin"]);
        let account = Account { name: "me".to_string(), home: "/me".to_string(), ..Account::default() };
        let identity = Identity { given: "me".to_string(), id: 1000 };
        settings.user = Some(User { identity, account: Some(account) });
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        let file = |value| EnvFile {
            path: String::new(),
            variables: vec![pair("LANG", value), pair("HOME", value), pair("X", "%i")],
        };
        settings.env_files = vec![file("1"), file("2")];
        settings.env = vec![pair("HOME", "%n"), pair("HOME", "%i")];
        let expected = ["HOME=3", "LANG=2", "LOGNAME=me", "PATH=/bin", "SHELL=", "USER=me", "X=%i"];
        assert_eq!(environment(&settings), expected);
        settings.inherit_env = InheritEnv::Nothing;
        settings.env_files.clear();
        assert_eq!(environment(&settings), ["HOME=3", "LOGNAME=me", "SHELL=", "USER=me"]);
        settings.user = None;
        settings.inherit_env = InheritEnv::Only(vec!["LANG".to_string(), "NOT_THERE".to_string()]);
        assert_eq!(environment(&settings), ["HOME=3", "LANG=C"]);
    }
}
