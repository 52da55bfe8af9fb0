//! A crash of the first process of a machine: instead of a panic of the kernel, the program is executed anew.
//!
//! What crashes is not to be trusted with anything but that, so the new program knows of the old one only that it was.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_int, c_uint};
use nix::errno::Errno;

use super::child;
use super::raw::{self, call};

/// The variable by which the new program knows: its value is the number of the signal that ended the old one, in two
/// digits.
const MARK: &str = "PROCNANNY_CRASH";

/// What a processor or abort(3) raises.
const FAULTS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// How long the old program waits before the new one, in milliseconds, so that one that crashes at once does not keep a
/// machine busy.
const PAUSE: c_int = 1000;

/// All that is needed for an execve(2), made while memory could still be had.
#[derive(Debug)]
struct Anew {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// Where the two digits go.
    digits: *mut u8,
    _strings: [Vec<CString>; 2],
    _mark: Vec<u8>,
}

static ANEW: AtomicPtr<Anew> = AtomicPtr::new(ptr::null_mut());

/// From now on, a crash of this process, the first one of a machine, executes it anew with these arguments and this
/// environment. Its children go on; whoever comes out of it ends them.
///
/// # Errors
/// None is known.
pub fn execute_anew(arguments: Vec<CString>, environment: Vec<CString>) -> Result<(), Errno> {
    let mut mark = format!("{MARK}=00\0").into_bytes();
    let digits = mark.as_mut_ptr().wrapping_add(MARK.len() + 1);
    let pointers = |strings: &[CString]| strings.iter().map(|string| string.as_ptr()).collect();
    let (mut arguments_of, mut environment_of): (Vec<_>, Vec<_>) =
        (pointers(&arguments), pointers(&environment));
    arguments_of.push(ptr::null());
    environment_of.extend([mark.as_ptr().cast(), ptr::null()]);
    let anew = Anew {
        arguments: arguments_of,
        environment: environment_of,
        digits,
        _strings: [arguments, environment],
        _mark: mark,
    };
    // For as long as there is a process; what was there before may be in use.
    ANEW.store(Box::into_raw(Box::new(anew)), Ordering::Release);
    use_another_stack()?;
    for fault in FAULTS {
        // SAFETY: zeros are a valid structure. The handler keeps to what is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = begin_anew as extern "C" fn(c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_ONSTACK;
            Errno::result(libc::sigaction(fault, &raw const action, ptr::null_mut()))?;
        }
    }
    Ok(())
}

/// Has the handler of this thread run on a stack of its own, since that of the thread may be full: sigaltstack(2).
fn use_another_stack() -> Result<(), Errno> {
    /// More than any processor's registers take, and the little that the handler does.
    const SIZE: usize = 64 << 10;
    // For as long as there is a process.
    let memory: &'static mut [u8] = vec![0; SIZE].leak();
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: SIZE };
    // SAFETY: the memory is there for good, and nobody else uses it.
    Errno::result(unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) }).map(drop)
}

/// The signal that ended the program before us, if that has crashed; its descriptors are closed, and nobody is told a
/// second time. To be called before anything is opened, and before there are threads.
pub fn take_mark() -> Option<i32> {
    let signal = std::env::var(MARK).ok()?.parse().ok()?;
    // SAFETY: there is no other thread that reads the environment.
    unsafe { std::env::remove_var(MARK) };
    const FIRST_OTHER: c_uint = 3;
    // Nothing was opened yet, so that all of these are the old program's.
    let _ = child::close_range(FIRST_OTHER, c_uint::MAX);
    Some(signal)
}

/// The handler. Nothing is called that is not async-signal-safe; and what matters most without the C library, whose own
/// memory a crash may have broken.
extern "C" fn begin_anew(signal: c_int) {
    // SAFETY: null, or made by `execute_anew` and never changed or freed after that.
    let anew = unsafe { ANEW.load(Ordering::Acquire).as_ref() };
    // A child before its exec has our handlers, too.
    if let Some(anew) = anew.filter(|_| raw::own_pid() == 1) {
        let tens = u8::try_from(signal / 10 % 10).unwrap_or(0);
        let ones = u8::try_from(signal % 10).unwrap_or(0);
        let _ = raw::write(libc::STDERR_FILENO, b"procnanny: crashed; it begins anew in a second\n");
        // SAFETY: both digits are in the variable that was made for them. Strings and arrays are those of `execute_anew`.
        // Where the first path cannot be executed, as there is no /proc, the second one may be.
        unsafe {
            anew.digits.write(b'0' + tens);
            anew.digits.add(1).write(b'0' + ones);
            libc::poll(ptr::null_mut(), 0, PAUSE);
            let own = anew.arguments.first().copied().unwrap_or(ptr::null());
            for path in [EXECUTABLE.as_ptr(), own] {
                let _ = call!(libc::SYS_execve, path, anew.arguments.as_ptr(), anew.environment.as_ptr());
            }
        }
    }
    // SAFETY: only numbers. Then it acts as it does by default, when it comes again.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

const EXECUTABLE: &CStr = c"/proc/self/exe";
