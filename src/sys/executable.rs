//! The file that we were executed from, to execute it once more.

use std::ffi::{CStr, c_char};
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

/// Opens the file that we were executed from, to be executed whatever becomes of its name: deleted, replaced, or out of
/// reach in another root. To be called before the working directory changes.
///
/// `None` where there is neither a /proc nor a file by the name that the kernel was given (getauxval(3),
/// `AT_EXECFN`).
#[must_use]
pub fn open_own() -> Option<OwnedFd> {
    open(c"/proc/self/exe").or_else(|_| open(own_name().ok_or(Errno::ENOENT)?)).ok()
}

fn own_name() -> Option<&'static CStr> {
    // SAFETY: only a number.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    let name = std::ptr::with_exposed_provenance::<c_char>(usize::try_from(address).ok()?);
    // SAFETY: the kernel put a string there that stays for as long as the process does, if there is any.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
}

fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    // To execute a file it need not be readable.
    const FLAGS: libc::c_int = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: a valid string that outlives the call.
    let descriptor = Errno::result(unsafe { libc::open(path.as_ptr(), FLAGS) })?;
    // SAFETY: open(2) has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn both_ways_lead_to_the_same_file() {
        let own = std::fs::metadata("/proc/self/exe").unwrap();
        for descriptor in [open_own().unwrap(), open(own_name().unwrap()).unwrap()] {
            let found = File::from(descriptor).metadata().unwrap();
            assert_eq!((found.dev(), found.ino()), (own.dev(), own.ino()));
        }
    }
}
