//! What keeps a supervisor from running does not end the first process of a machine.

use super::image::Image;
use super::machine::installed;
use crate::{means, skip};

#[test]
fn a_mistake_in_the_configuration_is_told_and_can_be_repaired() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let image = means
        .image("[program.end]\ncomand = \"/procnanny\"\n")
        .directory("bin")
        .program("bin/busybox", &busybox)
        .link("bin/sh", "busybox");
    let mut machine = means.boot(image, "rdinit=/procnanny -- run --boot /procnanny.toml", &[]);
    machine.expect("comand");
    machine.expect("did you mean 'command'?");
    machine.expect("repair it in this shell");
    machine.expect("# ");
    machine.type_line("busybox sed -i s/comand/command/ /procnanny.toml");
    machine.type_line("echo 'args = [\"shutdown\", \"--reboot\"]' >> /procnanny.toml");
    // One that was used for a moment only has repaired nothing.
    machine.type_line("busybox sleep 2; exit");
    machine.expect_reboot();
}

#[test]
fn an_endpoint_that_could_not_be_bound_is_bound_when_it_can_be() {
    let means = means!();
    let Some(busybox) = installed("busybox") else { skip!("busybox is not installed") };
    let configuration = "
        supervisor.rpc = [\"ipc:///late/rpc\"]
        [program.end]
        command = \"/procnanny\"
        args = [\"shutdown\", \"--poweroff\"]
    ";
    let image = means
        .image(configuration)
        .directory("bin")
        .program("bin/busybox", &busybox)
        .link("bin/sh", "busybox");
    let mut machine = means.boot(image, "rdinit=/procnanny -- run --boot /procnanny.toml", &[]);
    machine.expect("/late/rpc");
    machine.expect("repair it in this shell");
    machine.expect("# ");
    machine.type_line("busybox mkdir -m 700 /late && busybox kill -HUP 1");
    machine.expect_power_off();
}

#[test]
fn without_a_shell_it_is_tried_again_and_can_be_ended() {
    let means = means!();
    let mut machine = means.boot_plain("[supervisor]\nrpc = [\"ipc:///no/such/directory/rpc\"]\n");
    machine.expect("/no/such/directory/rpc");
    machine.expect("it is tried again in 30 s, or on SIGHUP");
    machine.order("sendkey ctrl-alt-delete");
    machine.expect_reboot();
}

#[test]
fn a_command_line_that_is_wrong_does_not_end_it() {
    let means = means!();
    let image = Image::default().program("procnanny", &means.program);
    let mut machine = means.boot(image, "rdinit=/procnanny -- run --boot --no-such-option", &[]);
    machine.expect("no-such-option");
    machine.expect("the default configuration is used");
    machine.expect("is the first process of this machine");
    machine.order("sendkey ctrl-alt-delete");
    machine.expect_reboot();
}
