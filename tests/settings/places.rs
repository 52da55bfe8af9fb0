//! Root directory, working directory and the mask of permissions.

use crate::common::{Launcher, Scratch, Supervisor, command, eventually, is_root, proc, shell, sleeper};
use crate::{failure, skip, start};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a root directory in which `sleep` can be executed.
fn small_root(scratch: &Scratch) -> Option<PathBuf> {
    let root = scratch.join("root");
    let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|path| Path::new(path).exists())?;
    let libraries = Command::new("ldd").arg(sleep).output().ok()?;
    let libraries = String::from_utf8(libraries.stdout).ok()?;
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for file in libraries.chain([sleep]) {
        let copy = root.join(file.trim_start_matches('/'));
        fs::create_dir_all(copy.parent()?).ok()?;
        fs::copy(file, &copy).ok()?;
    }
    fs::create_dir(root.join("inside")).ok()?;
    fs::copy(root.join(sleep.trim_start_matches('/')), root.join("inside/sleep")).ok()?;
    Some(root)
}

#[test]
fn a_root_directory_hides_everything_above_it() {
    if !is_root() {
        skip!("to change the root directory takes root");
    }
    let mut supervisor = Supervisor::start();
    let Some(root) = small_root(supervisor.scratch()) else { skip!("no ldd, or no sleep") };
    let root = root.to_str().unwrap();
    let settings = sleeper().with("chroot", root);
    let pid = start(&mut supervisor, "at the top", &settings);
    assert_eq!((proc::link(pid, "root").as_str(), proc::link(pid, "cwd").as_str()), (root, root));
    let inside = command("./sleep", &["3600"]).with("minimum_run_duration", 0).with("chroot", root);
    let pid = start(&mut supervisor, "inside", &inside.with("directory", "/inside"));
    assert_eq!(proc::link(pid, "root"), root);
    assert_eq!(proc::link(pid, "cwd"), format!("{root}/inside"));
    // What is outside is not there.
    let outside = settings.clone().with("directory", supervisor.scratch().path().to_str().unwrap());
    assert!(
        failure(&mut supervisor, "outside", &outside).starts_with("directory: No such file or directory")
    );
    let gone = sleeper().with("chroot", "/nonexistent/root");
    let reason = failure(&mut supervisor, "gone", &gone);
    assert_eq!(reason, "chroot: No such file or directory (/nonexistent/root)");
    // Rights are given up after it.
    let pid = start(&mut supervisor, "as nobody", &settings.with("user", 65534).with("group", 65534));
    assert_eq!(proc::link(pid, "root"), root);
}

#[test]
fn the_mask_of_permissions_is_that_of_new_files() {
    let mut supervisor = Supervisor::start();
    let before = proc::status_line(supervisor.pid(), "Umask");
    for (mask, mode) in [("0077", 0o600), ("0", 0o666), ("0o137", 0o640)] {
        let path = supervisor.scratch().join(mask);
        let script = format!("exec 2>{}; exec sleep 3600", path.display());
        let settings = shell(&script).with("minimum_run_duration", 0).with("umask", mask);
        let pid = start(&mut supervisor, &format!("mask {mask}"), &settings);
        let made = eventually("the file", crate::common::DEADLINE, || fs::metadata(&path).ok());
        assert_eq!(made.permissions().mode() & 0o777, mode, "{mask}");
        let expected = u32::from_str_radix(mask.trim_start_matches("0o"), 8).unwrap();
        assert_eq!(proc::status_line(pid, "Umask"), format!("{expected:04o}"));
    }
    let pid = start(&mut supervisor, "ours", &sleeper());
    assert_eq!(proc::status_line(pid, "Umask"), before);
    assert_eq!(proc::status_line(supervisor.pid(), "Umask"), before);
}

#[test]
fn an_ordinary_user_has_a_mask_but_no_root_directory() {
    let mut supervisor = Launcher::new().ordinary_user().start();
    let pid = start(&mut supervisor, "mask", &sleeper().with("umask", "0777"));
    assert_eq!(proc::status_line(pid, "Umask"), "0777");
    let reason = failure(&mut supervisor, "root", &sleeper().with("chroot", "/tmp"));
    assert_eq!(reason, "chroot: Operation not permitted (/tmp)");
}
