//! New processes that run in our memory until their exec, while we go on: clone(2) with `CLONE_VM`, and without
//! `CLONE_VFORK`.
//!
//! A fork copies the tables of all our memory, and every page that we write to afterwards: several times as much work
//! as all else that a start takes. vfork(2) saves that, but has us wait until the exec, and so a program, directory or
//! interpreter on a file system that hangs would stop the whole supervisor. Here nobody waits. What the new process
//! uses, its image and a stack, is its own until the kernel says that it has left our memory, by its exec or its end:
//! that is what `CLONE_CHILD_CLEARTID` is for.
//!
//! What makes this safe: the child writes to nothing but its image and its stack, see [`child`]; it has descriptors,
//! signal dispositions, working directory and everything else for itself, as after a fork; all signals are blocked
//! until it has reset their dispositions; and plans for which the shared memory would be a danger are carried out in a
//! process that was forked, see [`OwnPlan::may_share_memory`](super::plan::OwnPlan::may_share_memory).

use std::collections::VecDeque;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock};

use libc::{c_char, c_int, c_void};
use nix::errno::Errno;

use super::child::{self, Image};
use super::process::Pid;
use super::raw;

/// How much a child may use for its stack and its strings: several times what it does use, of which the system provides
/// what is touched.
const STACK: usize = 64 * 1024;
/// How much of it strings may take. If they are more, they stay where they are.
const CARGO: usize = STACK / 2;
/// What stacks are aligned to, on every architecture.
const ALIGNMENT: usize = 64;
/// How many stacks are kept for the next ones.
const SPARE_STACKS: usize = 2;
/// How many of those that were under way are looked at when there is an occasion. Whoever begins one lands more than
/// one, so that there are never many that wait for it without need.
const LOOKED_AT: usize = 4;

/// What a child uses of our memory.
#[derive(Debug)]
struct Craft {
    /// In the stack, above what it is used for.
    image: NonNull<Image>,
    stack: Stack,
    /// The kernel writes 0 here when the child has left our memory.
    aloft: AtomicI32,
}

/// All that are under way, as far as it is known, and what is left of others.
#[derive(Debug, Default)]
struct Hangar {
    aloft: VecDeque<NonNull<Craft>>,
    stacks: Vec<Stack>,
}

// SAFETY: what the pointers point to is owned by the hangar, and used by no thread of ours; none of it is bound to one.
unsafe impl Send for Hangar {}

static HANGAR: Mutex<Option<Hangar>> = Mutex::new(None);

/// Whether this can be had at all: where the kernel is called directly; where the C library's clone(2) leaves its own
/// memory alone, as that of glibc did not before 2.25; and where a child that dumps core, as SIGQUIT has it do, takes
/// nobody along: before Linux 5.16 the kernel killed all that shared its memory.
pub(super) fn is_possible() -> bool {
    static IS_POSSIBLE: OnceLock<bool> = OnceLock::new();
    *IS_POSSIBLE.get_or_init(|| raw::IS_DIRECT && has_clean_clone() && dumps_core_alone())
}

fn dumps_core_alone() -> bool {
    let kernel = nix::sys::utsname::uname();
    kernel.is_ok_and(|names| names.release().to_str().is_some_and(|release| is_at_least(release, (5, 16))))
}

#[cfg(target_env = "gnu")]
fn has_clean_clone() -> bool {
    // SAFETY: it returns a constant string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().is_ok_and(|version| is_at_least(version, (2, 25)))
}

/// Compares the first two numbers of a version: `6.1.0-13-arm64`, `2.36`.
fn is_at_least(version: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= wanted,
        _ => false,
    }
}

#[cfg(not(target_env = "gnu"))]
fn has_clean_clone() -> bool {
    true
}

/// Has a new process carry out this image in our memory. Returns at once.
///
/// To be called with all signals blocked.
///
/// # Errors
/// What clone(2) says, and the image back.
pub(super) fn begin(image: Box<Image>) -> Result<Pid, (Errno, Grounded)> {
    land();
    let (pid, craft) = take_off(image)?;
    with_hangar(|hangar| hangar.aloft.push_back(craft));
    Ok(pid)
}

fn take_off(mut image: Box<Image>) -> Result<(Pid, NonNull<Craft>), (Errno, Grounded)> {
    const FLAGS: c_int = libc::CLONE_VM | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD;
    let stack = match take_stack() {
        Ok(stack) => stack,
        Err(errno) => return Err((errno, Grounded { image, _stack: None })),
    };
    let top = load(&mut image, &stack);
    let (image, top) = board(*image, top);
    let craft = Craft { image, stack, aloft: AtomicI32::new(1) };
    let craft = NonNull::from(Box::leak(Box::new(craft)));
    // SAFETY: the craft was just made, and nobody else uses it. The child enters with a stack that is its own, and uses
    // nothing but the image, which is its own as well, until the kernel writes to `aloft`: see `free`. What it does not
    // share is a copy, as after a fork. It never returns from `enter`.
    let pid = unsafe {
        let craft = craft.as_ptr();
        libc::clone(
            enter,
            top,
            FLAGS,
            image.as_ptr().cast(),
            ptr::null_mut::<c_int>(),
            ptr::null_mut::<c_void>(),
            &raw const (*craft).aloft,
        )
    };
    match Errno::result(pid).and_then(|pid| Pid::new(pid).ok_or(Errno::ESRCH)) {
        Ok(pid) => Ok((pid, craft)),
        // SAFETY: the craft was made from a box, `board` wrote the image, and there is no child.
        Err(errno) => Err((errno, unsafe {
            let stack = Box::from_raw(craft.as_ptr()).stack;
            Grounded { image: Box::new(image.read()), _stack: Some(stack) }
        })),
    }
}

/// An image that was not begun, with what its strings may have been moved to.
#[derive(Debug)]
pub(super) struct Grounded {
    image: Box<Image>,
    _stack: Option<Stack>,
}

impl Grounded {
    /// Does something else with the image.
    pub(super) fn and_then<T>(self, next: impl FnOnce(Box<Image>) -> T) -> T {
        next(self.image)
    }
}

/// Moves an image to where its stack is, and returns where that begins now.
fn board(image: Image, top: *mut c_void) -> (NonNull<Image>, *mut c_void) {
    let size = size_of::<Image>().next_multiple_of(ALIGNMENT);
    let place = top.wrapping_byte_sub(size).cast::<Image>();
    // SAFETY: nobody uses the stack yet. There is room for it: `CARGO` leaves half of the stack. It is aligned to more than
    // an image is.
    unsafe {
        place.write(image);
        (NonNull::new_unchecked(place), place.cast())
    }
}

/// Moves the strings of an image to where its stack is, and returns where that begins now. They are most of what it
/// takes, and in the heap they would leave holes among what stays there.
fn load(image: &mut Image, stack: &Stack) -> *mut c_void {
    let plan = &mut image.plan.blueprint;
    let all = plan.candidates.iter().chain(&plan.arguments).chain(&plan.environment);
    let size: usize = all.map(|string| string.as_bytes_with_nul().len()).sum();
    // A script has pointers of its own.
    if size > CARGO || image.script.is_some() {
        return stack.top();
    }
    let begin = stack.top().wrapping_byte_sub(size.next_multiple_of(ALIGNMENT));
    let mut place = begin.cast::<c_char>();
    for (strings, pointers) in [
        (&mut plan.candidates, &mut image.candidates),
        (&mut plan.arguments, &mut image.arguments),
        (&mut plan.environment, &mut image.environment),
    ] {
        for (string, pointer) in std::mem::take(strings).iter().zip(pointers) {
            let length = string.as_bytes_with_nul().len();
            // SAFETY: nobody uses the stack yet, and all of the strings fit in this part of it, one behind the other.
            unsafe { place.copy_from_nonoverlapping(string.as_ptr(), length) };
            *pointer = place;
            place = place.wrapping_add(length);
        }
    }
    begin
}

extern "C" fn enter(image: *mut c_void) -> c_int {
    // SAFETY: the pointer is that of `begin`, to an image that is this child's alone.
    child::run(unsafe { &mut *image.cast::<Image>() })
}

/// Takes back what children no longer use; a bounded number of them.
pub(super) fn land() {
    with_hangar(|hangar| {
        for _ in 0..LOOKED_AT.min(hangar.aloft.len()) {
            let Some(craft) = hangar.aloft.pop_front() else { return };
            match free(craft) {
                Some(stack) if hangar.stacks.len() < SPARE_STACKS => hangar.stacks.push(stack),
                Some(_) => {}
                None => hangar.aloft.push_back(craft),
            }
        }
    });
}

/// The same, for who will begin no other one: nothing is kept for those.
pub(super) fn land_for_good() {
    land();
    with_hangar(|hangar| hangar.stacks = Vec::new());
}

/// Frees it if its child has left our memory, and returns the stack.
fn free(craft: NonNull<Craft>) -> Option<Stack> {
    // SAFETY: it is there until it is freed below, after which nobody has this pointer. Of what the child may be using,
    // this touches only the number, which is atomic.
    let aloft = unsafe { &(*craft.as_ptr()).aloft };
    if aloft.load(Ordering::Acquire) != 0 {
        return None;
    }
    // SAFETY: the craft was made from a box, and `board` wrote the image. The kernel has cleared the number when the child
    // was not to run in our memory again.
    let (craft, image) = unsafe {
        let craft = Box::from_raw(craft.as_ptr());
        let image = craft.image.read();
        (craft, image)
    };
    drop(image);
    Some(craft.stack)
}

fn take_stack() -> Result<Stack, Errno> {
    with_hangar(|hangar| hangar.stacks.pop()).map_or_else(Stack::new, Ok)
}

fn with_hangar<T>(look: impl FnOnce(&mut Hangar) -> T) -> T {
    // What is in it is in order whenever it is let go, also by a thread that panics.
    let mut hangar = HANGAR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    look(hangar.get_or_insert_default())
}

/// A stack, with a page below it that nobody can use: who goes beyond ends, and destroys nothing.
#[derive(Debug)]
struct Stack {
    lowest: NonNull<c_void>,
    size: usize,
}

impl Stack {
    fn new() -> Result<Self, Errno> {
        // SAFETY: only a number.
        let page =
            usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(|_| Errno::EINVAL)?;
        let size = page + STACK.next_multiple_of(page);
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, which the kernel places where nothing is.
        let lowest = unsafe { libc::mmap(ptr::null_mut(), size, protection, kind, -1, 0) };
        if lowest == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let stack = Self { lowest: NonNull::new(lowest).ok_or(Errno::ENOMEM)?, size };
        // SAFETY: the lowest page of it, which nobody uses yet.
        Errno::result(unsafe { libc::mprotect(lowest, page, libc::PROT_NONE) })?;
        Ok(stack)
    }

    /// Where it begins: stacks grow downwards. It is at the end of a page, and so aligned for every architecture.
    fn top(&self) -> *mut c_void {
        // SAFETY: one behind the last byte of the mapping.
        unsafe { self.lowest.byte_add(self.size) }.as_ptr()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: all of a mapping that this owns.
        unsafe { libc::munmap(self.lowest.as_ptr(), self.size) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::child::Own;
    use super::super::fork::image;
    use super::super::mask::Mask;
    use super::super::plan::{Blueprint, ChildPlan};
    use super::super::process::kill;
    use super::super::raw::call;
    use super::super::test_support::{await_end, end};
    use super::super::wait::Ending;
    use super::*;
    use std::ffi::CString;
    use std::os::fd::AsRawFd;

    /// Begins one; what it reports goes nowhere.
    fn begin(blueprint: Blueprint<'_>) -> (Pid, NonNull<Craft>) {
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        let before = Mask::ALL.swap().unwrap();
        let begun = take_off(image(
            ChildPlan::new(blueprint).own,
            Own { report: null.as_raw_fd(), executable: None },
        ));
        before.set().unwrap();
        begun.map_err(|(errno, _)| errno).unwrap()
    }

    fn command(words: &[&str]) -> Blueprint<'static> {
        let words: Vec<_> = words.iter().map(|word| CString::new(*word).unwrap()).collect();
        Blueprint { candidates: words[..1].to_vec(), arguments: words, ..Blueprint::default() }
    }

    fn is_there() -> bool {
        if !is_possible() {
            eprintln!("skipped: no process shares our memory on this architecture, C library or kernel");
        }
        is_possible()
    }

    #[test]
    fn memory_comes_back_when_the_program_is_executed() {
        if !is_there() {
            return;
        }
        let (pid, craft) = begin(command(&["/bin/sleep", "1000"]));
        let executed = || std::fs::read(format!("/proc/{pid}/cmdline")).unwrap().starts_with(b"/bin/sleep");
        while !executed() {
            std::thread::yield_now();
        }
        assert!(free(craft).is_some());
        kill(pid, libc::SIGKILL).unwrap();
        assert_eq!(end(pid), Ending::Killed { signal: libc::SIGKILL, core_dumped: false });
    }

    #[test]
    fn memory_is_kept_for_a_child_that_hangs_until_it_is_killed() {
        if !is_there() {
            return;
        }
        let path = std::env::temp_dir().join(format!("procnanny-flight-{}", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let (pid, craft) = begin(Blueprint { stdin_path: Some(name), ..command(&["/bin/true"]) });
        // It waits for somebody who writes, for ever; meanwhile others come and go.
        for _ in 0..20 {
            let (other, craft) = begin(command(&["/bin/true"]));
            assert_eq!(end(other), Ending::Exited(0));
            assert!(free(craft).is_some());
        }
        assert!(free(craft).is_none());
        kill(pid, libc::SIGKILL).unwrap();
        assert_eq!(end(pid), Ending::Killed { signal: libc::SIGKILL, core_dumped: false });
        assert!(free(craft).is_some());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_child_leaves_the_errno_of_its_parent_alone() {
        if !is_there() {
            return;
        }
        let missing = (0..500).map(|number| CString::new(format!("/nonexistent/{number}")).unwrap());
        let wrong = Blueprint { candidates: missing.collect(), ..command(&["x"]) };
        Errno::set_raw(7);
        let (pid, craft) = begin(wrong);
        let errno = loop {
            let done: *mut libc::siginfo_t = ptr::null_mut();
            let options = libc::WEXITED | libc::WNOWAIT;
            // SAFETY: numbers and null pointers, which are allowed there.
            let waited = unsafe { call!(libc::SYS_waitid, libc::P_PID, pid.get(), done, options, done) };
            if waited.is_ok() {
                break Errno::last_raw();
            }
        };
        assert_eq!(errno, 7);
        await_end(pid);
        assert_eq!(end(pid), Ending::Exited(127));
        assert!(free(craft).is_some());
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, expected) in [
            ("5.16.0-1-amd64", true),
            ("5.15.200", false),
            ("10.0", true),
            ("6.1+", true),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(version, (5, 16)), expected, "{version}");
        }
    }
}
