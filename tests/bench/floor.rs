//! The least that the system allows: a bare loop that starts, reaps and starts again, with vfork(2) and execve(2), in a
//! process of its own.
#![allow(unsafe_code)]

use crate::Outcome;
use crate::workspace::{end, end_with_parent, pid_of};
use libc::{c_char, c_int, c_void};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{io, ptr};

/// The argument that makes this program the floor.
pub const ROLE: &str = "--as-floor";

/// The floor, seen from outside. Its processes end with it.
#[derive(Debug)]
pub struct Floor {
    process: Child,
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Floor {
    /// Starts it; it will run this program.
    pub fn new(program: &[String]) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .arg(std::process::id().to_string())
            .args(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // So that all of it can be signalled at once.
            .process_group(0)
            .spawn()?;
        let commands = process.stdin.take();
        let replies = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        Ok(Self { process, commands, replies })
    }

    /// Starts so many processes; returns when all are executed.
    pub fn start(&mut self, count: usize) -> Outcome<()> {
        self.ask(&format!("start {count}"))
    }

    /// Ends all processes with SIGTERM; returns when all are reaped.
    pub fn stop(&mut self) -> Outcome<()> {
        self.ask("stop")
    }

    /// From now on it does nothing but start again what was killed.
    pub fn keep(&mut self) -> Outcome<()> {
        self.ask("keep")
    }

    /// Its process.
    pub fn pid(&self) -> Outcome<Pid> {
        Ok(pid_of(&self.process)?)
    }

    fn ask(&mut self, command: &str) -> Outcome<()> {
        writeln!(self.commands.as_mut().ok_or("no pipe")?, "{command}")?;
        let mut reply = String::new();
        self.replies.read_line(&mut reply)?;
        if reply.trim_end() == command {
            Ok(())
        } else {
            Err(format!("the floor could not '{command}'").into())
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.commands = None;
        if let Ok(pid) = pid_of(&self.process) {
            // SIGTERM ends its processes, and with the last of them itself.
            end(&mut self.process, Pid::from_raw(-pid.as_raw()));
        }
    }
}

/// Is the floor: reads commands, and answers each with itself when it is done.
pub fn run(parent: &str, program: &[&str]) -> Outcome<()> {
    end_with_parent(parent)?;
    // SIGTERM is for the processes. It must not be ignored, as they would inherit that.
    signal_hook::flag::register(libc::SIGTERM, Arc::<AtomicBool>::default())?;
    let mut launcher = Launcher::new(program)?;
    let mut processes = Vec::new();
    for line in io::stdin().lines() {
        let line = line?;
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["start", count] => {
                for _ in 0..count.parse()? {
                    processes.push(launcher.launch()?);
                }
            }
            ["stop"] => stop(&mut processes)?,
            ["keep"] => {
                println!("{line}");
                return keep(&mut launcher);
            }
            _ => return Err(format!("no such command: {line}").into()),
        }
        println!("{line}");
    }
    keep(&mut launcher)
}

fn stop(processes: &mut Vec<Pid>) -> Outcome<()> {
    for pid in processes.iter() {
        kill(*pid, Signal::SIGTERM)?;
    }
    for pid in processes.drain(..) {
        match waitpid(pid, None)? {
            WaitStatus::Signaled(_, Signal::SIGTERM, _) => {}
            status => return Err(format!("a process ended before its time: {status:?}").into()),
        }
    }
    Ok(())
}

/// Starts again what was killed, until nothing is left.
fn keep(launcher: &mut Launcher) -> Outcome<()> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {
                launcher.launch()?;
            }
            Ok(_) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// What it takes to start one program again and again.
struct Launcher {
    image: Image,
    stack: Vec<u128>,
    /// What the image points to.
    _strings: [Vec<CString>; 2],
}

/// A program as execve(2) takes it: two arrays that end with a null pointer.
struct Image {
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// The process that starts it.
    parent: libc::pid_t,
}

/// 64 KiB are plenty for two system calls.
const STACK_WORDS: usize = 4096;

impl Launcher {
    fn new(program: &[&str]) -> Outcome<Self> {
        let arguments = program.iter().map(|word| CString::new(*word)).collect::<Result<Vec<_>, _>>()?;
        let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            CString::new([name.into_vec(), value.into_vec()].join(&b'='))
        };
        let environment = std::env::vars_os().map(variable).collect::<Result<Vec<_>, _>>()?;
        if arguments.is_empty() {
            return Err("no program".into());
        }
        let parent = getpid().as_raw();
        let image = Image { arguments: pointers(&arguments), environment: pointers(&environment), parent };
        Ok(Self { image, stack: vec![0; STACK_WORDS], _strings: [arguments, environment] })
    }

    /// Starts one process; returns when it is executed. What vfork(2) does, with a stack of its own for the child, as
    /// Rust has no function that returns twice.
    fn launch(&mut self) -> Outcome<Pid> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let image = (&raw mut self.image).cast::<c_void>();
        // SAFETY: the child runs `become_program` on a stack of its own, which grows down from its end and is used by
        // nobody else, as this thread is suspended until the child has executed the program or ended (CLONE_VFORK).
        // The image and its strings live as long, and the child changes nothing of the memory that it shares.
        let pid = unsafe {
            let top = self.stack.as_mut_ptr_range().end.cast::<c_void>();
            libc::clone(become_program, top, flags, image)
        };
        Ok(Errno::result(pid).map(Pid::from_raw)?)
    }
}

extern "C" fn become_program(image: *mut c_void) -> c_int {
    // SAFETY: `launch` passes an image that lives until the parent goes on. Only system calls are made, which is all
    // that the child of a vfork may do; execve gets arrays that end with null and point to valid strings, the first of
    // them the path.
    unsafe {
        let Image { arguments, environment, parent } = &*image.cast::<Image>();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // If the parent was killed before that, nobody would end this process any more.
        if libc::getppid() == *parent {
            libc::execve(*arguments.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        libc::_exit(127)
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}
