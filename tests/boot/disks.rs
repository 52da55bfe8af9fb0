//! A disk of a machine: what was written to it is there after the end, and it does not have to be checked.

use super::common::Scratch;
use super::machine::{installed, modules};
use crate::{means, skip};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a kernel of this kind needs to see the disk, in this order.
const MODULES: [&str; 6] =
    ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"];

/// A module, not compressed.
fn module(directory: &Path, name: &str) -> Option<PathBuf> {
    let file = format!("{name}.ko");
    let drivers = directory.join("kernel/drivers");
    ["virtio", "block"].iter().map(|kind| drivers.join(kind).join(&file)).find(|path| path.exists())
}

/// The state of an ext4 file system: cleanly unmounted, and nothing left in its journal
/// (Documentation/filesystems/ext4/super.rst, `s_state` and `INCOMPAT_RECOVER`).
fn is_clean(disk: &Path) -> bool {
    let image = fs::read(disk).unwrap();
    let number = |at: usize| u32::from(image[1024 + at]) | u32::from(image[1024 + at + 1]) << 8;
    number(0x38) == 0xef53 && number(0x3a) == 1 && number(0x60) & 4 == 0
}

#[test]
fn a_disk_is_clean_after_the_end() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let Some(format) = installed("mkfs.ext4") else { skip!("mkfs.ext4 is not installed") };
    let modules: Option<Vec<PathBuf>> =
        modules().and_then(|directory| MODULES.iter().map(|name| module(&directory, name)).collect());
    let Some(modules) = modules else { skip!("the kernel's modules are not there, or compressed") };
    let scratch = Scratch::new();
    let disk = scratch.join("disk");
    File::create(&disk).unwrap().set_len(32 << 20).unwrap();
    let formatted = Command::new(format).arg("-q").arg(&disk).stdout(Stdio::null()).status().unwrap();
    assert!(formatted.success() && is_clean(&disk));
    let script = "
        export PATH=/bin
        for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
            insmod /lib/$module.ko || exit 1
        done
        mkdir -p '/mnt/a b' && mount -t ext4 /dev/vda '/mnt/a b' || exit 1
        mkdir -p '/mnt/a b/inner' && mount -t tmpfs none '/mnt/a b/inner' || exit 1
        cd '/mnt/a b'
        echo mounted
        i=0
        while :; do echo line $i >> file; i=$((i + 1)); [ $i = 100 ] && echo enough; sleep 0.01; done
    ";
    let configuration = "
        [program.writer]
        command = \"/writer\"
        stdout = \"inherit\"
        stderr = \"inherit\"
    ";
    let image = means
        .image(configuration)
        .script("writer", script)
        .directory("bin")
        .directory("lib")
        .program("bin/busybox", &busybox);
    let commands = ["sh", "insmod", "mkdir", "mount", "sleep"];
    let image = commands.iter().fold(image, |image, name| image.link(&format!("bin/{name}"), "busybox"));
    let image = MODULES
        .iter()
        .zip(&modules)
        .fold(image, |image, (name, path)| image.program(&format!("lib/{name}.ko"), path));
    let drive = format!("file={},format=raw,if=virtio", disk.display());
    let line = "rdinit=/procnanny -- run --boot /procnanny.toml";
    let mut machine = means.boot(image, line, &["-drive", &drive]);
    machine.expect("mounted");
    machine.expect("enough");
    machine.order("sendkey ctrl-alt-delete");
    machine.expect_reboot();
    assert!(is_clean(&disk), "{}", machine.console());
    assert!(!machine.console().contains("procnanny: cannot"), "{}", machine.console());
    let image = fs::read(&disk).unwrap();
    assert!(image.windows(8).any(|bytes| bytes == b"line 99\n"));
}
