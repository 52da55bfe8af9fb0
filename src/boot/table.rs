//! What the kernel says of mounts and of swap, as text: proc_pid_mountinfo(5), proc_swaps(5).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub path: PathBuf,
    /// What: `ext4`, `tmpfs`.
    pub kind: String,
}

/// All that is mounted, in the order in which it was.
pub fn mounted(mountinfo: &[u8]) -> Vec<Mounted> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ');
            let path = plain(fields.nth(4)?);
            // A number of optional fields ends with a dash.
            let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
            Some(Mounted { path, kind: String::from_utf8_lossy(kind).into_owned() })
        })
        .collect()
}

/// The files and devices that are swapped to.
pub fn swaps(table: &[u8]) -> Vec<PathBuf> {
    let lines = table.split(|byte| *byte == b'\n').skip(1);
    let paths = lines.filter_map(|line| line.split(|byte| matches!(byte, b' ' | b'\t')).next());
    paths.filter(|path| !path.is_empty()).map(plain).collect()
}

/// Blanks and the like stand there as a backslash and three octal digits.
fn plain(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match (first, digits) {
            (b'\\', Some(digits)) => {
                let number = digits.iter().fold(0_u32, |number, digit| number * 8 + u32::from(digit - b'0'));
                bytes.push(u8::try_from(number).unwrap_or(b'?'));
                rest = after.get(3..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_as_the_kernel_writes_them() {
        let text = b"1 1 0:2 / / rw - rootfs rootfs rw\n\
            22 1 0:21 / /proc rw,nosuid,nodev,noexec shared:5 master:1 - proc proc rw\n\
            30 1 8:1 /a\\040b /mnt/a\\040b\\134c rw,relatime - ext4 /dev/sda1 rw\n\
            garbage\n31 1 8:1 / /x rw";
        let found = mounted(text);
        let shown: Vec<(&str, &str)> =
            found.iter().map(|mount| (mount.path.to_str().unwrap(), mount.kind.as_str())).collect();
        assert_eq!(shown, [("/", "rootfs"), ("/proc", "proc"), ("/mnt/a b\\c", "ext4")]);
        assert!(mounted(b"").is_empty());
    }

    #[test]
    fn our_own_mounts_are_read() {
        let own = mounted(&std::fs::read("/proc/self/mountinfo").unwrap());
        assert!(own.iter().any(|mount| mount.path.to_str() == Some("/proc") && mount.kind == "proc"));
    }

    #[test]
    fn swaps_are_read_as_the_kernel_writes_them() {
        let text = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/vda2                               partition\t1048572\t\t0\t\t-2\n\
            /swap\\040file\\011x file\t1\t0\t-3\n";
        assert_eq!(swaps(text), [PathBuf::from("/dev/vda2"), PathBuf::from("/swap file\tx")]);
        assert!(swaps(b"Filename\n").is_empty() && swaps(b"").is_empty());
    }
}
