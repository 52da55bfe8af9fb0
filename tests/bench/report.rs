//! Programs that tell when they run: each writes its process id into a pipe with a name, which is read from here. So
//! the floor and the supervisor are watched by the same means, and neither has to say anything.

use crate::Outcome;
use crate::workspace::Workspace;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

/// How long a program may take to run, in milliseconds.
const PATIENCE: u16 = 20_000;

/// The reports of all programs of one owner.
#[derive(Debug)]
pub struct Reports {
    pipe: File,
    program: [String; 3],
    /// Reports that were read and not taken.
    arrived: VecDeque<Pid>,
    /// The beginning of a report whose end was not read yet.
    rest: String,
}

impl Reports {
    /// Makes the pipe.
    pub fn new(workspace: &Workspace) -> Outcome<Self> {
        let (reports, hold) = (fifo(&workspace.fresh())?, fifo(&workspace.fresh())?);
        // A shell that writes one line, and is then held without another process: nobody opens the other end.
        let script = format!("echo $$ >{reports}; : <{hold}");
        // For writing as well, so that it never comes to its end.
        let pipe = OpenOptions::new().read(true).write(true).open(&reports)?;
        let program = ["/bin/sh".to_string(), "-c".to_string(), script];
        Ok(Self { pipe, program, arrived: VecDeque::new(), rest: String::new() })
    }

    /// The program that reports.
    pub fn program(&self) -> &[String] {
        &self.program
    }

    /// The next process that runs.
    pub fn next(&mut self) -> Outcome<Pid> {
        loop {
            if let Some(pid) = self.arrived.pop_front() {
                return Ok(pid);
            }
            let mut ready = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, PollTimeout::from(PATIENCE))? == 0 {
                return Err("a program that should have been started again was not".into());
            }
            let mut bytes = [0; 4096];
            let length = self.pipe.read(&mut bytes)?;
            self.rest.push_str(std::str::from_utf8(bytes.get(..length).unwrap_or_default())?);
            while let Some((line, rest)) = self.rest.split_once('\n') {
                self.arrived.push_back(Pid::from_raw(line.parse()?));
                self.rest = rest.to_string();
            }
        }
    }

    /// The next so many processes that run.
    pub fn take(&mut self, count: usize) -> Outcome<Vec<Pid>> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn fifo(path: &Path) -> Outcome<String> {
    mkfifo(path, Mode::S_IRWXU)?;
    Ok(path.to_str().ok_or("the directory for temporary files has a strange name")?.to_string())
}
