//! Endpoints: what may be bound, and with which access and permissions. Checked before anything is bound.

use super::accounts;
use super::convert;
use super::curve::CurveKeys;
use crate::core::access::Access;
use crate::core::nearest::nearest;
use crate::core::program::Identity;
use crate::sockets::Admission;
use crate::sys::errno::io_words;
use crate::sys::process::own_effective_uid;
use crate::wire::value::Value;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An endpoint, as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointOption {
    /// `ipc://PATH` or `tcp://HOST:PORT`.
    pub endpoint: String,
    /// What it may be used for; by default `admin` on ipc and `read` on TCP.
    pub access: Option<Access>,
    /// Permissions of the socket's file; by default 0600, and 0660 with a group.
    pub mode: Option<u32>,
    /// The group of the socket's file; by default our own.
    pub group: Option<Identity>,
    /// The file of our secret key, if CURVE is to be used.
    pub curve: Option<PathBuf>,
    /// The file of the public keys of those who are let in.
    pub clients: Option<PathBuf>,
}

/// What an endpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Requests.
    Rpc,
    /// Events, which whoever can connect may read, and nothing else.
    Events,
}

/// An endpoint that may be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As libzmq takes it.
    pub address: String,
    /// What it may be used for.
    pub access: Access,
    /// How it is reached.
    pub transport: Transport,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over a file, with these permissions.
    Ipc {
        /// The socket.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Its group, if it is to be another than our own.
        group: Option<u32>,
    },
    /// Over the network; without keys only ever loopback.
    Tcp {
        /// The keys, if CURVE is used.
        curve: Option<CurveKeys>,
    },
}

/// The longest path of a unix socket, without the NUL at its end; see unix(7).
const MAX_SOCKET_PATH: usize = 107;

/// Who may use a socket unless told otherwise: its owner.
const DEFAULT_MODE: u32 = 0o600;
/// Who may use a socket that is given to a group, unless told otherwise: that group too.
const GROUP_MODE: u32 = 0o660;

/// What may be said of an endpoint.
pub const OPTIONS: [&str; 5] = ["access", "mode", "group", "curve", "clients"];

impl EndpointOption {
    /// Reads `ENDPOINT[,access=LEVEL][,mode=MODE][,group=GROUP][,curve=FILE,clients=FILE]`.
    ///
    /// # Errors
    /// A sentence that says what would have been right.
    pub fn parse(text: &str, socket: Socket) -> Result<Self, String> {
        let mut parts = text.split(',');
        let endpoint = parts.next().unwrap_or("").to_string();
        let mut option = Self { endpoint, ..Self::default() };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            option.set(name, &Value::from(value), socket)?;
        }
        Ok(option)
    }

    /// Takes it from a file: a string as above, or a table of `endpoint` and its options.
    ///
    /// # Errors
    /// A sentence that says what would have been right.
    pub fn from_value(value: &Value, socket: Socket) -> Result<Self, String> {
        let Some(entries) = value.as_map() else {
            return Self::parse(convert::text(value).map_err(|_| "each is a string or a table")?, socket);
        };
        let mut option = Self::default();
        for (name, value) in entries {
            match name.text().unwrap_or("") {
                "endpoint" => {
                    let endpoint = convert::non_empty(value).map_err(|_| "'endpoint' is a string")?;
                    option.endpoint = endpoint.to_string();
                }
                name => option.set(name, value, socket)?,
            }
        }
        if option.endpoint.is_empty() {
            return Err("a table has no 'endpoint' in it".to_string());
        }
        Ok(option)
    }

    /// Sets what a name says of it, for whoever has names and values: `access`, `mode` (octal digits, or a number),
    /// `group` (a name or a number), `curve` (the file of the secret key, or a table of it, `secret`, and `clients`),
    /// `clients` (the file of the public keys that are let in).
    ///
    /// # Errors
    /// A sentence that says what would have been right.
    pub fn set(&mut self, name: &str, value: &Value, socket: Socket) -> Result<(), String> {
        match (name, socket) {
            ("access", Socket::Events) => {
                return Err("an endpoint for events has no access: it is for reading".to_string());
            }
            ("access", Socket::Rpc) => self.access = Some(parse_access(value)?),
            ("mode", _) => self.mode = Some(parse_mode(value)?),
            ("group", _) => self.group = Some(parse_group(value)?),
            ("curve", _) => match value.as_map() {
                Some(entries) => self.set_curve(entries)?,
                None => self.curve = Some(parse_path("curve", value)?),
            },
            ("clients", _) => self.clients = Some(parse_path("clients", value)?),
            (other, _) => {
                let near = nearest(other, OPTIONS.into_iter().chain(["endpoint"]));
                let near = near.map(|near| format!("; did you mean '{near}'?"));
                let near = near.unwrap_or_else(|| format!(", only {}", OPTIONS.join(", ")));
                return Err(format!("an endpoint has no option {}{near}", convert::quoted(other)));
            }
        }
        Ok(())
    }

    fn set_curve(&mut self, entries: &[(Value, Value)]) -> Result<(), String> {
        for (name, value) in entries {
            match name.text().unwrap_or("") {
                "secret" => self.curve = Some(parse_path("curve.secret", value)?),
                "clients" => self.clients = Some(parse_path("curve.clients", value)?),
                other => {
                    let other = convert::quoted(other);
                    return Err(format!("curve has no {other}, only secret and clients"));
                }
            }
        }
        Ok(())
    }

    /// Checks it, and reads its keys.
    ///
    /// # Errors
    /// What it would open to whom, or what is wrong with it.
    pub fn check(&self) -> Result<Endpoint, String> {
        let refused = |why: String| format!("endpoint {}: {why}", self.endpoint);
        let (transport, access) = if let Some(path) = self.endpoint.strip_prefix("ipc://") {
            (self.check_ipc(path).map_err(refused)?, Access::Admin)
        } else if let Some(address) = self.endpoint.strip_prefix("tcp://") {
            (self.check_tcp(address).map_err(refused)?, Access::Read)
        } else {
            return Err(refused("expected ipc://PATH or tcp://ADDRESS:PORT".to_string()));
        };
        Ok(Endpoint { address: self.endpoint.clone(), access: self.access.unwrap_or(access), transport })
    }

    fn check_ipc(&self, path: &str) -> Result<Transport, String> {
        if self.curve.is_some() || self.clients.is_some() {
            return Err("curve is for tcp endpoints; a file has permissions".to_string());
        }
        check_path(path)?;
        let path = PathBuf::from(path);
        if let Some(group) = &self.group {
            check_directory(&path, group)?;
        }
        let default = if self.group.is_some() { GROUP_MODE } else { DEFAULT_MODE };
        let group = self.group.as_ref().map(|group| group.id);
        Ok(Transport::Ipc { path, mode: self.mode.unwrap_or(default), group })
    }

    fn check_tcp(&self, address: &str) -> Result<Transport, String> {
        if self.mode.is_some() || self.group.is_some() {
            return Err("mode and group are for ipc endpoints, which are files".to_string());
        }
        let reach = reach(address)?;
        let curve = match (&self.curve, &self.clients) {
            (Some(secret), Some(clients)) => Some(CurveKeys::read(secret, clients)?),
            (None, None) => None,
            (Some(_), None) => {
                return Err(
                    "curve needs clients=FILE too, the public keys of those who are let in".to_string()
                );
            }
            (None, Some(_)) => return Err("clients needs curve=FILE too, our secret key".to_string()),
        };
        match (reach, &curve) {
            (Reach::Loopback, _) | (Reach::Others, Some(_)) => Ok(Transport::Tcp { curve }),
            (Reach::Others, None) => {
                Err("it is not on loopback, so everybody who reaches this host could use it; \
                                          protect it by curve=FILE,clients=FILE, or use a tunnel to 127.0.0.1"
                    .to_string())
            }
        }
    }
}

impl Endpoint {
    /// The endpoint that there is unless others are asked for.
    ///
    /// # Errors
    /// A directory whose path is too long for a socket in it.
    pub fn in_directory(directory: &Path, name: &str) -> Result<Self, String> {
        let endpoint = format!("ipc://{}", directory.join(name).display());
        EndpointOption { endpoint, ..EndpointOption::default() }.check()
    }

    /// Its keys, if it has any.
    pub fn curve_mut(&mut self) -> Option<&mut CurveKeys> {
        match &mut self.transport {
            Transport::Tcp { curve } => curve.as_mut(),
            Transport::Ipc { .. } => None,
        }
    }

    /// Who is let in.
    pub fn admission(&self) -> Admission<'_> {
        match &self.transport {
            Transport::Ipc { mode, group, .. } => Admission::File { mode: *mode, group: *group },
            Transport::Tcp { curve: None } => Admission::Network,
            Transport::Tcp { curve: Some(keys) } => {
                Admission::Known { secret: keys.secret.bytes(), domain: &keys.domain }
            }
        }
    }

    /// What went wrong with it.
    pub fn failed(&self, words: &str) -> String {
        format!("endpoint {}: {words}", self.address)
    }
}

/// Who reaches an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Processes of this host.
    Loopback,
    /// Others as well.
    Others,
}

fn parse_access(value: &Value) -> Result<Access, String> {
    let text = value.text().unwrap_or("");
    let found = Access::ALL.into_iter().find(|(word, _)| *word == text).map(|(_, access)| access);
    found.ok_or_else(|| format!("access is {}, expected read, control or admin", convert::quoted(text)))
}

fn parse_mode(value: &Value) -> Result<u32, String> {
    convert::mask(value).map_err(|_| {
        let shown = super::keys::shown(value);
        format!("mode is {shown}, expected octal permissions such as 0660")
    })
}

fn parse_group(value: &Value) -> Result<Identity, String> {
    let given = value.as_u64().map(|number| number.to_string());
    let given = given.or_else(|| value.text().map(str::to_string)).unwrap_or_default();
    accounts::group(&given)
        .map_err(|expected| format!("group is {}, expected {expected}", convert::quoted(&given)))
}

fn parse_path(name: &str, value: &Value) -> Result<PathBuf, String> {
    convert::non_empty(value).map(PathBuf::from).map_err(|_| format!("{name} is the path of a file"))
}

fn check_path(path: &str) -> Result<(), String> {
    if path.starts_with('@') {
        return Err("an abstract socket has no permissions, so anybody could use it; name a path".to_string());
    }
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err("expected an absolute path of a socket after ipc://".to_string());
    }
    if path.len() > MAX_SOCKET_PATH {
        let length = path.len();
        return Err(format!("the path has {length} bytes, a socket's has at most {MAX_SOCKET_PATH}"));
    }
    Ok(())
}

/// The directory of a socket that is given to a group: the group gets to the socket, and nobody else can put another
/// file in its place while it is given away.
fn check_directory(path: &Path, group: &Identity) -> Result<(), String> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let shown = directory.display();
    let found =
        fs::metadata(directory).map_err(|error| format!("its directory {shown}: {}", io_words(&error)))?;
    let (mode, given) = (found.mode() & 0o7777, &group.given);
    if (found.uid() != own_effective_uid() && found.uid() != 0) || mode & 0o022 != 0 {
        return Err(format!(
            "others can write to its directory {shown} (mode {mode:04o}); put it into one that is ours alone"
        ));
    }
    if mode & 0o001 == 0 && (found.gid() != group.id || mode & 0o010 == 0) {
        return Err(format!(
            "group {given} cannot get into its directory {shown} (mode {mode:04o}); put it into one that the group \
             may search: chgrp {given} {shown}; chmod 0710 {shown}"
        ));
    }
    Ok(())
}

fn reach(address: &str) -> Result<Reach, String> {
    // A name would have to be looked up, and `*` means all interfaces.
    let concrete = address.strip_suffix(":*").map(|host| format!("{host}:0"));
    let parsed: SocketAddr = concrete
        .as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|_| "expected a numeric address and a port, such as tcp://127.0.0.1:3333".to_string())?;
    Ok(if parsed.ip().is_loopback() { Reach::Loopback } else { Reach::Others })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Endpoint, String> {
        EndpointOption::parse(text, Socket::Rpc)?.check()
    }

    #[test]
    fn defaults_depend_on_who_can_reach_it() {
        let ipc = checked("ipc:///run/x/rpc").unwrap();
        let transport = Transport::Ipc { path: PathBuf::from("/run/x/rpc"), mode: 0o600, group: None };
        assert_eq!((ipc.access, ipc.transport), (Access::Admin, transport));
        let tcp = checked("tcp://127.0.0.1:3333").unwrap();
        assert_eq!((tcp.access, tcp.transport), (Access::Read, Transport::Tcp { curve: None }));
        assert!(checked("tcp://[::1]:*").is_ok());
    }

    #[test]
    fn options_are_read() {
        let parsed = |text: &str| EndpointOption::parse(text, Socket::Rpc);
        let option = parsed("ipc:///x,access=control,mode=0660,group=root").unwrap();
        let group = option.group.map(|group| group.id);
        assert_eq!((option.access, option.mode, group), (Some(Access::Control), Some(0o660), Some(0)));
        let option = parsed("tcp://10.0.0.1:1,curve=/a,clients=b").unwrap();
        assert_eq!((option.curve, option.clients), (Some("/a".into()), Some("b".into())));
        assert!(parsed("ipc:///x,acess=read").unwrap_err().contains("did you mean 'access'"));
        assert!(parsed("ipc:///x,access=root").is_err());
        assert!(parsed("ipc:///x,mode=999").is_err());
        assert!(parsed("ipc:///x,mode=01777").is_err());
        assert!(parsed("ipc:///x,group=no such group").unwrap_err().contains("a group of /etc/group"));
        assert!(EndpointOption::parse("ipc:///x,access=read", Socket::Events).is_err());
    }

    #[test]
    fn tables_say_what_words_say() {
        let mut option = EndpointOption::default();
        let mut set = |name: &str, value: Value| option.set(name, &value, Socket::Rpc);
        let path = |text: &str| Value::from(text);
        set("mode", Value::Int(0o660)).unwrap();
        set("group", Value::Int(7)).unwrap();
        set("curve", Value::map([("secret", path("/s")), ("clients", path("/c"))])).unwrap();
        assert!(
            set("curve", Value::map([("secrets", path("/s"))]))
                .unwrap_err()
                .contains("only secret and clients")
        );
        assert!(set("clients", Value::Int(1)).unwrap_err().contains("clients is the path of a file"));
        let written = EndpointOption::parse(",mode=0660,group=7,curve=/s,clients=/c", Socket::Rpc);
        assert_eq!(written, Ok(option));
    }

    #[test]
    fn what_others_could_reach_is_refused() {
        for bad in [
            "tcp://0.0.0.0:3333",
            "tcp://*:3333",
            "tcp://192.0.2.1:1",
            "tcp://localhost:3333",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:1,mode=0600",
            "tcp://127.0.0.1:1,group=0",
            "tcp://127.0.0.1:1,curve=/nonexistent",
            "tcp://127.0.0.1:1,clients=/nonexistent",
            "tcp://127.0.0.1:1,curve=/nonexistent,clients=/nonexistent",
            "ipc:///x,curve=/nonexistent,clients=/nonexistent",
            "ipc://@x",
            "ipc://relative",
            "inproc://x",
            "",
            &format!("ipc:///{}", "x".repeat(107)),
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
