//! The keys of CURVE on the client's side: those that two variables name, and `keygen`, which makes them.

use super::arguments::Keygen;
use super::endpoint::Endpoint;
use super::exit::{Exit, Failure, say, words};
use crate::config::curve::{self, PublicKey, SecretKey};
use crate::sys::curve as sys;
use crate::sys::errno;
use crate::wire::z85;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The variable that holds the public key of the supervisor, or names a file with it.
const SERVER: &str = "PROCNANNY_CURVE_SERVER";
/// The variable that names the file of our secret key. The key itself would be seen by all that we start.
const SECRET: &str = "PROCNANNY_CURVE_SECRET";

/// What it takes to talk to a supervisor over CURVE.
#[derive(Debug)]
pub struct Keys {
    server: PublicKey,
    secret: SecretKey,
    public: PublicKey,
}

impl Keys {
    /// The keys for an endpoint: those that the environment names, if it is one over the network.
    ///
    /// # Errors
    /// [`Failure::Usage`] for keys that cannot be had.
    pub fn of_environment(endpoint: &Endpoint) -> Result<Option<Self>, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
        if !endpoint.is_network() {
            return Ok(None);
        }
        match (variable(SERVER), variable(SECRET)) {
            (None, None) => Ok(None),
            (Some(server), Some(secret)) => Self::read(&server, &secret).map(Some),
            (Some(_), None) => Err(Failure::Usage(format!(
                "${SERVER} is set, so ${SECRET} has to name the file of a secret key"
            ))),
            (None, Some(_)) => Err(Failure::Usage(format!(
                "${SECRET} is set, so ${SERVER} has to be the key of the supervisor"
            ))),
        }
    }

    fn read(server: &str, secret: &str) -> Result<Self, Failure> {
        let wrong = |name: &'static str| move |why: String| Failure::Usage(format!("${name}: {why}"));
        curve::require().map_err(Failure::Failed)?;
        let server = curve::public_key(server).map_err(wrong(SERVER))?;
        let secret = curve::read_secret(Path::new(secret)).map_err(wrong(SECRET))?;
        let public = secret.public().map_err(wrong(SECRET))?;
        Ok(Self { server, secret, public })
    }

    /// The public key that the supervisor has to know.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Gives them to a socket before it is connected.
    ///
    /// # Errors
    /// None where there is CURVE.
    pub fn give_to(&self, socket: &zmq::Socket) -> Result<(), zmq::Error> {
        let own = (&self.public.0, self.secret.bytes());
        sys::join(socket, own, &self.server.0).map_err(|errno| zmq::Error::from_raw(errno as i32))
    }
}

/// What is said to whom the supervisor does not let in.
pub fn unknown(endpoint: &Endpoint, keys: Option<&Keys>) -> Failure {
    let key = keys.map_or_else(String::new, |keys| format!(": {}", keys.public()));
    Failure::Failed(format!(
        "the supervisor at {endpoint} does not let us in: its list of clients lacks our public key{key}"
    ))
}

/// What is said where one side uses CURVE and the other does not.
pub fn mismatch(endpoint: &Endpoint, keys: Option<&Keys>) -> Failure {
    let sentence = match keys {
        Some(_) => format!("the supervisor at {endpoint} does not use CURVE; unset ${SERVER} and ${SECRET}"),
        None => format!(
            "the supervisor at {endpoint} wants to know us by CURVE: set ${SERVER} to its public key, and ${SECRET} to \
             the file of a secret key that 'procnanny keygen' made"
        ),
    };
    Failure::Failed(sentence)
}

/// `keygen`: writes a new secret key to a file, and prints the public one.
///
/// # Errors
/// A libzmq without CURVE, and a file that is there already or cannot be written.
pub fn keygen(command: &Keygen) -> Result<Exit, Failure> {
    curve::require().map_err(Failure::Failed)?;
    let path = command.path.as_path();
    let failed = |why: String| Failure::Failed(format!("cannot make {}: {why}", path.display()));
    let (public, secret) = sys::generate().map_err(|errno| failed(errno::words(errno)))?;
    let (public, secret) = (z85::encode_key(&public), z85::encode_key(&secret));
    let content = format!(
        "# A secret CURVE key of procnanny; nobody else may know it. The public key that belongs to it:\n\
         # {public}\n\
         {secret}\n"
    );
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    "; a key is not replaced: name another file, or remove it first"
                }
                _ => "",
            };
            failed(format!("{}{hint}", words(&error)))
        })?;
    file.write_all(content.as_bytes()).map_err(|error| failed(words(&error)))?;
    say(&format!("{public}\n"))?;
    Ok(Exit::Done)
}
