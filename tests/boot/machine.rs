//! A machine: a kernel, an image and a console, in qemu without any help of the processor.

use super::common::{DEADLINE, Scratch, eventually, within};
use super::image::Image;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a machine may take for anything. It is emulated, and others want the processor, too.
const PATIENCE: Duration = Duration::from_secs(90);

/// What it takes to have machines.
#[derive(Debug)]
pub struct Means {
    qemu: PathBuf,
    kernel: PathBuf,
    /// The program, which needs no library.
    pub program: PathBuf,
}

/// A machine that runs; it is switched off when this is dropped.
pub struct Machine {
    qemu: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
    seen: usize,
    scratch: Scratch,
}

impl Means {
    /// Finds them; what is missing is said.
    pub fn find() -> Result<Self, String> {
        let program = std::env::var_os("PROCNANNY_TEST_STATIC").map(PathBuf::from);
        let program = program.ok_or("PROCNANNY_TEST_STATIC names no static binary")?;
        if !program.exists() {
            return Err(format!("there is no {}", program.display()));
        }
        let qemu = installed("qemu-system-x86_64").ok_or("qemu-system-x86_64 is not installed")?;
        let kernel = kernel().ok_or("there is no /boot/vmlinuz-*-cloud-amd64 that can be read")?;
        // The kernel is not that of this machine, and neither may the program be.
        if !cfg!(target_arch = "x86_64") {
            return Err("the kernel is one for x86-64".to_string());
        }
        Ok(Self { qemu, kernel, program })
    }

    /// An image with nothing in it but the program and its configuration.
    pub fn image(&self, configuration: &str) -> Image {
        Image::default().program("procnanny", &self.program).file("procnanny.toml", configuration)
    }

    /// Boots an image with these words on the kernel's command line, and these on that of qemu.
    pub fn boot(&self, image: Image, words: &str, hardware: &[&str]) -> Machine {
        let scratch = Scratch::new();
        image.write(&scratch.join("image"));
        let monitor = format!("unix:{},server,nowait", scratch.text("monitor"));
        // A panic ends the machine, and so is told from an order by what is on the console alone.
        let line = format!("console=ttyS0 quiet panic=-1 {words}");
        let mut command = Command::new(&self.qemu);
        command.args([
            "-M",
            "q35",
            "-accel",
            "tcg",
            "-m",
            "256",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
        ]);
        command.args(["-serial", "stdio", "-monitor", &monitor, "-kernel"]).arg(&self.kernel);
        command.args(["-initrd", &scratch.text("image"), "-append", &line]).args(hardware);
        let mut qemu =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (keys, mut console) = (qemu.stdin.take().unwrap(), qemu.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let text = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = console.read(&mut bytes) {
                text.lock().unwrap().extend(&bytes[..count]);
            }
        });
        Machine { qemu, keys, shown, seen: 0, scratch }
    }

    /// As [`Means::boot`], with the command line that an image of the program alone takes.
    pub fn boot_plain(&self, configuration: &str) -> Machine {
        self.boot(self.image(configuration), "rdinit=/procnanny -- run --boot /procnanny.toml", &[])
    }
}

/// All that is needed for a machine, or a word on what is missing.
#[macro_export]
macro_rules! means {
    () => {
        match $crate::machine::Means::find() {
            Ok(means) => means,
            Err(why) => $crate::skip!("{why}"),
        }
    };
}

/// A program in one of the usual places.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places =
        std::env::split_paths(&path).chain(["/bin", "/sbin", "/usr/bin", "/usr/sbin"].map(PathBuf::from));
    places.map(|directory| directory.join(name)).find(|path| path.exists())
}

/// The newest kernel of the kind that has all of what a virtual machine needs built in, as far as it can be read.
fn kernel() -> Option<PathBuf> {
    let names = fs::read_dir("/boot").ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let kernel = names.filter(|name| name.starts_with("vmlinuz-") && name.ends_with("-cloud-amd64")).max()?;
    Some(Path::new("/boot").join(kernel)).filter(|path| fs::File::open(path).is_ok())
}

/// The modules that belong to it.
pub fn modules() -> Option<PathBuf> {
    let kernel = kernel()?;
    let version = kernel.file_name()?.to_str()?.strip_prefix("vmlinuz-")?;
    Some(Path::new("/lib/modules").join(version)).filter(|path| path.exists())
}

impl Machine {
    /// All that the console has shown.
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until the console shows a text after all that was waited for before; what comes before it is returned.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let found = within(PATIENCE, || {
            let shown = self.shown.lock().unwrap();
            let rest = &shown[self.seen..];
            let at = rest.windows(text.len()).position(|bytes| bytes == text.as_bytes())?;
            Some((String::from_utf8_lossy(&rest[..at]).into_owned(), self.seen + at + text.len()))
        });
        let Some((before, seen)) = found else {
            panic!("{text:?} is not on the console:\n{}", self.console());
        };
        self.seen = seen;
        before
    }

    /// Types at the console.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a line at the console.
    pub fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Gives the machine itself an order, in the language of qemu's monitor.
    #[track_caller]
    pub fn order(&self, order: &str) {
        let monitor = self.scratch.join("monitor");
        let mut monitor = eventually("the monitor", DEADLINE, || UnixStream::connect(&monitor).ok());
        monitor.write_all(format!("{order}\n").as_bytes()).unwrap();
        // It has been read when there is an answer, of which the prompt and an echo are the beginning.
        let mut answer = [0; 16];
        let _ = monitor.read(&mut answer);
        std::mem::forget(monitor);
    }

    /// Waits until it has rebooted, or has been switched off, which ends it.
    #[track_caller]
    pub fn expect_end(&mut self) -> ExitStatus {
        let ended = within(PATIENCE, || self.qemu.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("it goes on:\n{}", self.console()))
    }

    /// It ends in order, as this says: by the word of procnanny, and by that of the kernel.
    #[track_caller]
    pub fn expect_order(&mut self, ours: &str, kernel: &str) {
        self.expect(&format!("procnanny: everything has ended; {ours}"));
        self.expect(&format!("reboot: {kernel}"));
        assert!(!self.console().contains("panic"), "{}", self.console());
    }

    /// It reboots in order.
    #[track_caller]
    pub fn expect_reboot(&mut self) {
        self.expect_order("reboot", "Restarting system");
        assert!(self.expect_end().success());
    }

    /// It is switched off in order.
    #[track_caller]
    pub fn expect_power_off(&mut self) {
        self.expect_order("power off", "Power down");
        assert!(self.expect_end().success());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
