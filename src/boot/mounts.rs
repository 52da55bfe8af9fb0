//! The file systems that the kernel makes, mounted where they are not. (An initramfs, or systemd's way of starting a
//! container, may have done it.)

use super::cannot;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::Path;

/// A file system, and where it belongs.
struct Row {
    target: &'static str,
    kind: &'static str,
    flags: MsFlags,
    /// Options of its own. A kernel that does not know them mounts it without.
    data: &'static str,
}

/// In this order: one stands in another. Flags and modes are those that systemd and Debian have for them; 5 is the group
/// `tty` everywhere.
const TABLE: [Row; 7] = [
    Row { target: "/proc", kind: "proc", flags: NOTHING_BUT_DATA, data: "" },
    Row { target: "/sys", kind: "sysfs", flags: NOTHING_BUT_DATA, data: "" },
    Row { target: "/dev", kind: "devtmpfs", flags: DEVICES, data: "mode=0755" },
    Row { target: "/dev/pts", kind: "devpts", flags: DEVICES, data: "gid=5,mode=0620,ptmxmode=0666" },
    Row { target: "/dev/shm", kind: "tmpfs", flags: FILES, data: "mode=1777" },
    Row { target: "/run", kind: "tmpfs", flags: FILES, data: "mode=0755" },
    Row { target: "/sys/fs/cgroup", kind: "cgroup2", flags: NOTHING_BUT_DATA, data: "nsdelegate" },
];

const NOTHING_BUT_DATA: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);
const DEVICES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NOEXEC);
const FILES: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Links that every shell expects in /dev, and no kernel makes.
const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// Devices that we cannot do without: with a /dev of the image, on a kernel that has no devtmpfs, they may be missing.
const DEVICE_FILES: [(&str, u32, u64, u64); 2] = [("/dev/null", 0o666, 1, 3), ("/dev/console", 0o600, 5, 1)];

/// Mounts what is missing; what could not be had is returned, a sentence each.
pub fn mount_missing() -> Vec<String> {
    let mut troubles = Vec::new();
    for row in TABLE.iter().filter(|row| !is_mount_point(Path::new(row.target))) {
        if let Err(why) = make_directory(row.target).and_then(|()| row.mount()) {
            troubles.push(cannot(&format!("mount {} on {}", row.kind, row.target), why));
        }
    }
    for (path, mode, major, minor) in DEVICE_FILES {
        if fs::symlink_metadata(path).is_err()
            && let Err(why) =
                mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(mode), makedev(major, minor))
        {
            troubles.push(cannot(&format!("make {path}"), why));
        }
    }
    for (link, target) in LINKS {
        // Where it is there already, or cannot be, those few who want it say so.
        let _ = symlink(target, link);
    }
    troubles
}

impl Row {
    fn mount(&self) -> Result<(), Errno> {
        let with =
            |data: Option<&str>| mount(Some(self.kind), self.target, Some(self.kind), self.flags, data);
        match with(Some(self.data)) {
            Err(Errno::EINVAL) if !self.data.is_empty() => with(None),
            outcome => outcome,
        }
    }
}

fn make_directory(path: &str) -> Result<(), Errno> {
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether something is mounted there: it is then on another device than the directory that it stands in.
fn is_mount_point(path: &Path) -> bool {
    let device = |path: &Path| fs::symlink_metadata(path).ok().map(|found| found.dev());
    let here = device(path);
    here.is_some() && here != path.parent().and_then(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_seen() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/sys/kernel")));
        assert!(!is_mount_point(Path::new("/nonexistent")));
    }

    #[test]
    fn what_stands_in_another_comes_after_it() {
        for (at, row) in TABLE.iter().enumerate() {
            let inside = |other: &&Row| Path::new(other.target).starts_with(row.target);
            assert_eq!(TABLE.iter().take(at).find(inside).map(|other| other.target), None);
        }
    }
}
