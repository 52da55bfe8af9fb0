//! Users and groups, read from /etc/passwd and /etc/group.
//!
//! The files are read directly, not through the name service: a directory server that does not answer would stop
//! the loop, and a static binary has no name service. Users of other sources are given by their numbers.

use crate::core::nearest::nearest;
use crate::core::order;
use crate::core::program::{Account, Identity, User};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::rc::Rc;

/// What would have been right, to follow "expected".
pub type LookupError = String;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// What was looked up and read while somebody remembers.
#[derive(Default)]
struct Remembered {
    files: HashMap<&'static str, Result<Rc<str>, String>>,
    users: HashMap<String, Result<User, LookupError>>,
    groups: HashMap<String, Result<Identity, LookupError>>,
}

thread_local! {
    static REMEMBERED: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

/// As long as this lives, each file is read once, and each name is looked up once in the present thread: a configuration
/// of a thousand programs names few users.
#[derive(Debug)]
pub struct Remembering(());

/// Begins to remember.
pub fn remember() -> Remembering {
    REMEMBERED.set(Some(Remembered::default()));
    Remembering(())
}

impl Drop for Remembering {
    fn drop(&mut self) {
        REMEMBERED.set(None);
    }
}

/// What is remembered under a key of one of the maps; found and remembered otherwise.
fn remembered<K: Eq + Hash, V: Clone>(
    map: impl Fn(&mut Remembered) -> &mut HashMap<K, V>,
    key: K,
    find: impl FnOnce() -> V,
) -> V {
    let known = REMEMBERED.with_borrow_mut(|it| it.as_mut().and_then(|it| map(it).get(&key).cloned()));
    known.unwrap_or_else(|| {
        let found = find();
        REMEMBERED.with_borrow_mut(|it| it.as_mut().map(|it| map(it).insert(key, found.clone())));
        found
    })
}

/// Looks a user up by name or number.
///
/// # Errors
/// A name without an entry, or a file that cannot be read. A number need not have an entry.
pub fn user(given: &str) -> Result<User, LookupError> {
    remembered(|it| &mut it.users, given.to_string(), || read_user(given))
}

/// Looks a group up by name or number.
///
/// # Errors
/// A name without an entry, or a file that cannot be read. A number need not have an entry.
pub fn group(given: &str) -> Result<Identity, LookupError> {
    remembered(|it| &mut it.groups, given.to_string(), || read_group(given))
}

/// A file as text; why it cannot be read otherwise.
fn contents(path: &'static str) -> Result<Rc<str>, String> {
    let read = || match fs::read(path) {
        Ok(bytes) => Ok(Rc::from(String::from_utf8_lossy(&bytes))),
        Err(error) => Err(error.to_string()),
    };
    remembered(|it| &mut it.files, path, read)
}

fn read_user(given: &str) -> Result<User, LookupError> {
    let number = given.parse::<u32>().ok();
    let passwd = match (contents(PASSWD), number) {
        (Ok(text), _) => text,
        (Err(_), Some(_)) => Rc::from(""),
        (Err(error), None) => return Err(format!("a number, since {PASSWD} cannot be read ({error})")),
    };
    let groups = contents(GROUP).unwrap_or_else(|_| Rc::from(""));
    find_user(given, number, &passwd, &groups).ok_or_else(|| {
        let names = passwd.lines().filter_map(passwd_line).map(|(name, _, _)| name);
        format!("a user of {PASSWD} or a number{}", meant(given, names))
    })
}

fn read_group(given: &str) -> Result<Identity, LookupError> {
    if let Ok(id) = given.parse::<u32>() {
        return Ok(Identity { given: given.to_string(), id });
    }
    let text =
        contents(GROUP).map_err(|error| format!("a number, since {GROUP} cannot be read ({error})"))?;
    let found = text.lines().filter_map(group_line).find(|line| line.name == given);
    let line = found.ok_or_else(|| {
        let names = text.lines().filter_map(group_line).map(|line| line.name);
        format!("a group of {GROUP} or a number{}", meant(given, names))
    })?;
    Ok(Identity { given: given.to_string(), id: line.gid })
}

/// The end of a sentence: the name that was probably meant.
fn meant<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(given, names).map_or_else(String::new, |near| format!("; did you mean '{near}'?"))
}

fn find_user(given: &str, number: Option<u32>, passwd: &str, groups: &str) -> Option<User> {
    let entries = || passwd.lines().filter_map(passwd_line);
    let entry = entries().find(|(name, _, _)| *name == given);
    let entry = entry.or_else(|| number.and_then(|number| entries().find(|(_, uid, _)| *uid == number)));
    let Some((name, uid, account)) = entry else {
        let id = number?;
        return Some(User { identity: Identity { given: given.to_string(), id }, account: None });
    };
    let mut all = vec![account.gid];
    let supplementary = groups.lines().filter_map(group_line).filter(|line| line.members.contains(&name));
    all.extend(supplementary.map(|line| line.gid));
    order::sort(&mut all);
    all.dedup();
    let identity = Identity { given: given.to_string(), id: uid };
    Some(User { identity, account: Some(Account { groups: all, ..account }) })
}

/// Name, uid and the rest of a line of passwd(5); `None` for a line that is not one.
fn passwd_line(line: &str) -> Option<(&str, u32, Account)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1)?.to_string();
    let shell = fields.next().filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh").to_string();
    Some((name, uid, Account { name: name.to_string(), gid, home, shell, groups: Vec::new() }))
}

struct GroupLine<'a> {
    name: &'a str,
    gid: u32,
    members: Vec<&'a str>,
}

/// A line of group(5); `None` for a line that is not one.
fn group_line(line: &str) -> Option<GroupLine<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next().unwrap_or("").split(',').collect();
    Some(GroupLine { name, gid, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n# no line\nbroken:x:\nweb:x:33:34:,,,:/var/www:\n1000:x:5:5::/:/bin/x\n";
    const GROUPS: &str = "root:x:0:\nwww:x:34:\nlog:x:4:syslog,web\nssl:x:99:web\nbad\n";

    fn found(given: &str) -> Option<User> {
        find_user(given, given.parse().ok(), PASSWD, GROUPS)
    }

    #[test]
    fn a_name_brings_its_groups() {
        let web = found("web").unwrap();
        assert_eq!(web.identity, Identity { given: "web".to_string(), id: 33 });
        let account = web.account.unwrap();
        assert_eq!((account.gid, account.groups.as_slice()), (34, [4, 34, 99].as_slice()));
        assert_eq!((account.home.as_str(), account.shell.as_str()), ("/var/www", "/bin/sh"));
    }

    #[test]
    fn a_number_needs_no_account() {
        assert_eq!(found("33").unwrap().account.unwrap().name, "web");
        assert_eq!(found("4711").unwrap().account, None);
        assert_eq!(found("1000").unwrap().identity.id, 5, "a name that looks like a number goes first");
        assert_eq!(found("nobody-here"), None);
        assert_eq!(found("broken"), None);
    }
}
