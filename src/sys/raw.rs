//! System calls as the kernel has them, without a C library in between.
//!
//! The functions of a C library leave the number of an error in memory of the thread (errno(3)), and some of them look
//! at, or change, what else the library knows of the thread. A new process that still has our memory, see
//! [`fork`](super::fork), would do so to ours. So between the beginning of a process and its exec, these are used and
//! nothing else: they touch what they are given a pointer to.

use libc::{c_char, c_int, c_long, c_void};
use nix::errno::Errno;

/// The most arguments that a system call has.
const MOST: usize = 6;

/// Calls the kernel: `call!(SYS_close, descriptor)`. Numbers and pointers are passed as they are; what is not given is 0.
///
/// To be used in an unsafe block: what the kernel does with its arguments is the caller's affair.
macro_rules! call {
    ($number:expr $(, $argument:expr)* $(,)?) => {
        $crate::sys::raw::system_call($number, &[$($crate::sys::raw::Word::word($argument)),*])
    };
}
pub(super) use call;

/// What fits into a register.
pub(super) trait Word {
    /// As the kernel takes it: signed numbers keep their sign.
    fn word(self) -> usize;
}

macro_rules! word {
    ($($number:ty),*) => { $(
        impl Word for $number {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
            #[allow(trivial_numeric_casts)]
            fn word(self) -> usize {
                self as usize
            }
        }
    )* };
}

word!(i32, u32, isize, usize);
#[cfg(target_pointer_width = "64")]
word!(i64, u64);

impl<T> Word for *const T {
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Word for *mut T {
    fn word(self) -> usize {
        self.expose_provenance()
    }
}

/// Calls the kernel; see [`call`]. Async-signal-safe, and where [`IS_DIRECT`] it leaves errno alone.
///
/// # Safety
/// As the system call has it.
// In line, as are those below: what an init does again and again is to touch few pages.
#[inline(always)]
pub(super) unsafe fn system_call(number: c_long, given: &[usize]) -> Result<usize, Errno> {
    let mut arguments = [0; MOST];
    for (place, argument) in arguments.iter_mut().zip(given) {
        *place = *argument;
    }
    // SAFETY: the caller's affair.
    unsafe { direct::system_call(number, arguments) }
}

/// The number of an error from what the kernel leaves in the register.
#[cfg(all(
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#[inline(always)]
fn outcome(register: usize) -> Result<usize, Errno> {
    const HIGHEST_ERRNO: usize = 4095;
    match register.wrapping_neg() {
        errno @ 1..=HIGHEST_ERRNO => Err(Errno::from_raw(i32::try_from(errno).unwrap_or(i32::MAX))),
        _ => Ok(register),
    }
}

/// Whether the kernel is called directly on this architecture.
pub(super) const IS_DIRECT: bool = direct::IS_DIRECT;

/// The registers are those of syscall(2), "Architecture calling conventions".
#[cfg(all(
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod direct {
    use super::{MOST, Word, outcome};
    use libc::c_long;
    use nix::errno::Errno;
    use std::arch::asm;

    pub(super) const IS_DIRECT: bool = true;

    #[inline(always)]
    pub(super) unsafe fn system_call(
        number: c_long,
        [a, b, c, d, e, f]: [usize; MOST],
    ) -> Result<usize, Errno> {
        let number = number.word();
        let register: usize;
        // SAFETY: what the call itself does is the caller's affair. The instruction destroys rcx and r11, and leaves the
        // stack alone.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") number => register,
                in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
                lateout("rcx") _, lateout("r11") _,
                options(nostack)
            );
        }
        // SAFETY: as above. The kernel keeps all other registers, and the stack.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!(
                "svc 0",
                in("x8") number,
                inlateout("x0") a => register,
                in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
                options(nostack)
            );
        }
        // SAFETY: as above. The kernel keeps all other registers, and the stack.
        #[cfg(target_arch = "riscv64")]
        unsafe {
            asm!(
                "ecall",
                in("a7") number,
                inlateout("a0") a => register,
                in("a1") b, in("a2") c, in("a3") d, in("a4") e, in("a5") f,
                options(nostack)
            );
        }
        outcome(register)
    }
}

/// Through the C library, where nobody has written down the registers: with its errno, and so not in a process that
/// shares our memory.
#[cfg(not(all(
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
mod direct {
    use super::MOST;
    use libc::c_long;
    use nix::errno::Errno;

    pub(super) const IS_DIRECT: bool = false;

    #[inline(always)]
    pub(super) unsafe fn system_call(
        number: c_long,
        [a, b, c, d, e, f]: [usize; MOST],
    ) -> Result<usize, Errno> {
        // SAFETY: the caller's affair.
        let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
        #[allow(clippy::cast_sign_loss)]
        Errno::result(result).map(|register| register as usize)
    }
}

/// openat(2), from the working directory.
///
/// # Safety
/// The path ends with a NUL byte.
pub(super) unsafe fn open(path: *const c_char, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: the path is the caller's affair, and only read.
    let opened = unsafe { call!(libc::SYS_openat, libc::AT_FDCWD, path, flags | libc::O_LARGEFILE) }?;
    c_int::try_from(opened).map_err(|_| Errno::EBADF)
}

/// write(2) of all that there is, to what takes it with one call.
pub(super) fn write(descriptor: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    let pointer: *const c_void = bytes.as_ptr().cast();
    // SAFETY: a pointer to that many bytes, which are only read.
    unsafe { call!(libc::SYS_write, descriptor, pointer, bytes.len()) }
}

/// fcntl(2) with a number as its argument.
pub(super) fn fcntl(descriptor: c_int, command: c_int, argument: c_int) -> Result<c_int, Errno> {
    // SAFETY: only numbers.
    let answer = unsafe { call!(libc::SYS_fcntl, descriptor, command, argument) }?;
    c_int::try_from(answer).map_err(|_| Errno::EINVAL)
}

/// getpid(2).
pub(super) fn own_pid() -> c_int {
    // SAFETY: no arguments.
    let pid = unsafe { call!(libc::SYS_getpid) };
    // It cannot fail, and no process id is larger.
    pid.ok().and_then(|pid| c_int::try_from(pid).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_errors_are_told_apart() {
        // SAFETY: no memory involved.
        unsafe {
            assert_eq!(call!(libc::SYS_getpid), Ok(usize::try_from(std::process::id()).unwrap()));
            assert_eq!(call!(libc::SYS_close, -1), Err(Errno::EBADF));
            assert_eq!(call!(libc::SYS_kill, own_pid(), 0), Ok(0));
        }
    }

    #[test]
    fn all_six_arguments_arrive() {
        const ANONYMOUS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a mapping of our own, of one page, that nobody uses; it is given back.
        unsafe {
            let none: *const u8 = std::ptr::null();
            // With a file and an offset that make no sense, which are only looked at for what is not anonymous.
            let wrong =
                call!(libc::SYS_mmap, none, 4096_usize, libc::PROT_READ, libc::MAP_PRIVATE, -1, 0_usize);
            assert_eq!(wrong, Err(Errno::EBADF));
            let page =
                call!(libc::SYS_mmap, none, 4096_usize, libc::PROT_READ, ANONYMOUS, -1, 0_usize).unwrap();
            assert_eq!(call!(libc::SYS_munmap, page, 4096_usize), Ok(0));
        }
    }

    #[test]
    fn errno_is_left_alone() {
        Errno::set_raw(7);
        // SAFETY: only a number.
        let _ = unsafe { call!(libc::SYS_close, -1) };
        assert_eq!(Errno::last_raw() == 7, IS_DIRECT);
    }

    #[test]
    fn signed_numbers_keep_their_sign() {
        assert_eq!(Word::word(-1_i32), usize::MAX);
        assert_eq!(Word::word(u32::MAX), 0xffff_ffff);
    }
}
