//! Keys of CURVE in files: a secret key, and the public keys of those who are let in.
//!
//! A file has a key a line, 40 characters of Z85, and after a blank whatever one likes. A line that begins with `#` is
//! a comment; no key does, although there may be one in it: five characters that begin with it are more than 32 bits.

use super::convert::quoted;
use crate::sys::curve::{self, Key};
use crate::sys::errno::io_words;
use crate::sys::process::own_effective_uid;
use crate::wire::z85;
use std::collections::HashSet;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The most that a file of keys may hold, in bytes: more than ten thousand keys with comments.
const LARGEST: u64 = 1 << 20;

/// The rights that others may not have to a file of ours.
const MAY_READ_OR_WRITE: u32 = 0o077;
const MAY_WRITE: u32 = 0o022;

/// What may be said to the whole world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(pub Key);

/// What nobody else may know; not even an error or a log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(Key);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&z85::encode_key(&self.0))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

impl SecretKey {
    /// The key itself, for libzmq.
    pub fn bytes(&self) -> &Key {
        &self.0
    }

    /// The public key that belongs to it.
    ///
    /// # Errors
    /// A libzmq without CURVE.
    pub fn public(&self) -> Result<PublicKey, String> {
        curve::public_of(&self.0).map(PublicKey).map_err(|_| WITHOUT_CURVE.to_string())
    }
}

/// What an endpoint with CURVE needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurveKeys {
    /// Its own key.
    pub secret: SecretKey,
    /// The keys of those who are let in.
    pub clients: HashSet<PublicKey>,
    /// What the list of clients is called where it is asked for; empty until there is such a place.
    pub domain: String,
}

impl CurveKeys {
    /// Reads the keys of an endpoint, where libzmq has CURVE.
    ///
    /// # Errors
    /// A sentence that names the file, or says that there is no CURVE.
    pub fn read(secret: &Path, clients: &Path) -> Result<Self, String> {
        require()?;
        Ok(Self { secret: read_secret(secret)?, clients: read_clients(clients)?, domain: String::new() })
    }
}

/// What whoever asks for CURVE is told where there is none.
pub const WITHOUT_CURVE: &str = "the libzmq in this procnanny has no CURVE; build it with the libzmq of the system, as \
     'Building' in README.md says";

/// Refuses what needs CURVE where libzmq does not have it.
///
/// # Errors
/// A sentence that says what to do.
pub fn require() -> Result<(), String> {
    if curve::is_available() { Ok(()) } else { Err(WITHOUT_CURVE.to_string()) }
}

/// Reads the secret key of a file that nobody else can read.
///
/// # Errors
/// A sentence that names the file.
pub fn read_secret(path: &Path) -> Result<SecretKey, String> {
    let found = read(path, MAY_READ_OR_WRITE)?;
    match found.as_slice() {
        [key] => Ok(SecretKey(*key)),
        keys => Err(format!("{} has {} keys in it, expected one secret key", path.display(), keys.len())),
    }
}

/// Reads the public key of a file.
///
/// # Errors
/// A sentence that names the file.
pub fn read_public(path: &Path) -> Result<PublicKey, String> {
    let found = read(path, MAY_WRITE)?;
    match found.as_slice() {
        [key] => Ok(PublicKey(*key)),
        keys => Err(format!("{} has {} keys in it, expected one public key", path.display(), keys.len())),
    }
}

/// Reads the public keys of a file that nobody else can write to.
///
/// # Errors
/// A sentence that names the file, and the line if it is about one.
pub fn read_clients(path: &Path) -> Result<HashSet<PublicKey>, String> {
    let found: HashSet<PublicKey> = read(path, MAY_WRITE)?.into_iter().map(PublicKey).collect();
    if found.is_empty() {
        return Err(format!("{} has no key in it, so nobody could connect", path.display()));
    }
    Ok(found)
}

fn read(path: &Path, forbidden: u32) -> Result<Vec<Key>, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let failed = |error: io::Error| named(format!("cannot be read: {}", io_words(&error)));
    // To open a FIFO would wait for a writer.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file: File = opened.map_err(failed)?;
    check(&file.metadata().map_err(failed)?, forbidden).map_err(named)?;
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(named("is larger than 1 MiB".to_string()));
    }
    keys(&text).map_err(named)
}

/// Whoever else can write to it, or read a secret in it, could be the one that the key is to tell apart.
fn check(found: &Metadata, forbidden: u32) -> Result<(), String> {
    let mode = found.mode() & 0o7777;
    if !found.is_file() {
        return Err("is not a regular file".to_string());
    }
    if found.uid() != own_effective_uid() && found.uid() != 0 {
        return Err(format!("belongs to user {}, neither to us nor to root", found.uid()));
    }
    if mode & forbidden == 0 {
        return Ok(());
    }
    if forbidden & !MAY_WRITE == 0 {
        return Err(format!("others can write to it (mode {mode:04o}); take that away: chmod go-w"));
    }
    Err(format!("others can read it or write to it (mode {mode:04o}); take that away: chmod 600"))
}

fn keys(text: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(word) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        match z85::decode_key(word) {
            Some(key) => keys.push(key),
            // Not the word itself: it may be a secret that was mistyped.
            None => return Err(format!("line {number} does not begin with a key, which has 40 characters")),
        }
    }
    Ok(keys)
}

/// A key as it stands in a variable, or in the file that is named there.
///
/// # Errors
/// A sentence that says what would have been right.
pub fn public_key(text: &str) -> Result<PublicKey, String> {
    let path = Path::new(text);
    // Some keys look like paths, and no file has such a name by chance.
    match z85::decode_key(text) {
        Some(key) if !path.exists() => Ok(PublicKey(key)),
        Some(_) | None if path.is_absolute() || path.exists() => read_public(path),
        Some(_) | None => Err(format!("{} is neither a key nor a file", quoted(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    const KEY: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

    fn file(name: &str, content: &str, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("procnanny-curve-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn lines_are_keys_or_comments() {
        let text = format!("# a comment\n#another\n#\n\n  {KEY} of somebody\n{KEY}\n");
        assert_eq!(keys(&text).unwrap().len(), 2);
        let wrong = keys(&format!("{KEY}\n{}\n", &KEY[..39])).unwrap_err();
        assert!(wrong.contains("line 2") && !wrong.contains(&KEY[..39]), "{wrong}");
    }

    #[test]
    fn files_are_ours_alone() {
        let secret = file("secret", KEY, 0o600);
        assert_eq!(read_secret(&secret).unwrap().bytes(), &z85::decode_key(KEY).unwrap());
        assert_eq!(format!("{:?}", read_secret(&secret).unwrap()), "SecretKey");
        let open = file("open", KEY, 0o640);
        assert!(read_secret(&open).unwrap_err().contains("chmod 600"));
        assert_eq!(read_clients(&open).unwrap().len(), 1);
        let written = file("written", KEY, 0o620);
        assert!(read_clients(&written).unwrap_err().contains("chmod go-w"));
        let empty = file("empty", "# nobody\n", 0o600);
        assert!(read_clients(&empty).unwrap_err().contains("no key"));
        assert!(read_secret(&empty).unwrap_err().contains("0 keys"));
        let text = open.to_str().unwrap();
        assert_eq!(public_key(text), public_key(KEY));
        assert!(public_key("nowhere").unwrap_err().contains("neither a key nor a file"));
        assert!(public_key("/nowhere").unwrap_err().contains("cannot be read"));
        for path in [secret, open, written, empty] {
            std::fs::remove_file(path).unwrap();
        }
        assert!(read_secret(Path::new("/dev/null")).unwrap_err().contains("not a regular file"));
    }
}
