//! Signals on their way to the command: all of them, none twice, none lost.

use super::common::{DEADLINE, eventually_true, proc};
use super::inits::{LISTENER, Place, own, places, python};
use crate::skip;
use procnanny::sys::process::{Pid, kill};

/// All that can arrive and are sent on, but for those that C libraries keep for themselves, which Python cannot await.
fn forwardable() -> impl Iterator<Item = i32> {
    use libc::{SIGCHLD, SIGKILL, SIGSTOP};
    let standard = (1..32).filter(|signal| ![SIGCHLD, SIGKILL, SIGSTOP].contains(signal));
    standard.chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

#[test]
fn every_signal_that_can_be_is_sent_on() {
    let Some(python) = python() else { skip!("there is no python3") };
    for place in places() {
        let running = own(&[]).start(place, &[python, "-c", LISTENER]);
        assert_eq!(running.line(), "ready\n");
        for signal in forwardable() {
            running.send(signal);
            assert_eq!(running.line(), format!("{signal}\n"), "{place:?}");
        }
    }
}

#[test]
fn signals_are_rewritten_and_dropped() {
    let Some(python) = python() else { skip!("there is no python3") };
    let options =
        ["-r", "TERM:QUIT", "--rewrite", "HUP:0", "-r1:0", "--rewrite=SIGUSR1:RTMIN+3", "-r", "QUIT:INT"];
    for place in places() {
        let running = own(&options).start(place, &[python, "-c", LISTENER]);
        assert_eq!(running.line(), "ready\n");
        for (sent, arrives) in [
            (libc::SIGTERM, Some(libc::SIGQUIT)),
            (libc::SIGHUP, None),
            (libc::SIGUSR1, Some(libc::SIGRTMIN() + 3)),
            (libc::SIGQUIT, Some(libc::SIGINT)),
            (libc::SIGUSR2, Some(libc::SIGUSR2)),
        ] {
            running.send(sent);
            if let Some(arrives) = arrives {
                assert_eq!(running.line(), format!("{arrives}\n"), "{place:?}");
            }
        }
    }
}

/// Two processes of one group that both say what they get.
const PAIR: &str = "
trap 'echo child; wait' USR1
(trap 'echo helper; exit 0' USR1; echo ready; while :; do sleep 0.01; done) &
wait
exit 5
";

#[test]
fn a_group_gets_signals_as_one_if_that_is_asked_for() {
    for place in places() {
        let alone = own(&[]).start_ready(place, PAIR);
        alone.send(libc::SIGUSR1);
        assert_eq!(alone.line(), "child\n", "{place:?}");
        drop(alone);
        let group = own(&["-g"]).start_ready(place, PAIR);
        group.send(libc::SIGUSR1);
        let mut lines = [group.line(), group.line()];
        lines.sort();
        assert_eq!(lines, ["child\n", "helper\n"], "{place:?}");
        assert_eq!(group.wait().status.code(), Some(5), "{place:?}");
    }
}

/// So early that the command is not there yet, or is being executed: it dies of it, and what does not kill arrives.
#[test]
fn no_moment_is_too_early() {
    for options in [&[][..], &["-g"]] {
        for _ in 0..100 {
            let running = own(options).start(Place::Here, &["sleep", "60"]);
            // As soon as it holds signals back; before that they would be the death of itself. (While it waits for one,
            // none counts as blocked; but then the command is there.)
            eventually_true("signals are held back", || {
                let init = running.pid();
                let held = proc::signal_mask(init, "SigBlk") & (1 << (libc::SIGTERM - 1)) != 0;
                held || !proc::children(init).is_empty()
            });
            running.send(libc::SIGTERM);
            assert_eq!(running.wait().status.code(), Some(128 + libc::SIGTERM), "{options:?}");
        }
    }
}

/// What each of these counts is printed when the last signal comes, which is the one with the highest number.
const COUNTER: &str = "
import collections, signal
signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print('ready', flush=True)
counts = collections.Counter()
while True:
    number = signal.sigwaitinfo(signals).si_signo
    counts[number] += 1
    if number == signal.SIGRTMAX:
        print(counts[signal.SIGRTMIN + 1], counts[signal.SIGUSR1] > 0, flush=True)
";

#[test]
fn none_of_ten_thousand_real_time_signals_is_lost() {
    const FLOOD: usize = 10_000;
    let Some(python) = python() else { skip!("there is no python3") };
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let pending = limits.lines().find_map(|line| line.strip_prefix("Max pending signals")).unwrap();
    let most: usize = pending.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    if most < 3 * FLOOD {
        skip!("only {most} signals may be pending at a time");
    }
    for place in places() {
        let running = own(&[]).start(place, &[python, "-c", COUNTER]);
        assert_eq!(running.line(), "ready\n");
        let init = Pid::new(running.pid()).unwrap();
        for number in 0..FLOOD {
            kill(init, libc::SIGRTMIN() + 1).unwrap();
            if number % 100 == 0 {
                kill(init, libc::SIGUSR1).unwrap();
            }
        }
        running.send(libc::SIGRTMAX());
        assert_eq!(running.line(), format!("{FLOOD} True\n"), "{place:?}");
    }
}

/// SIGHUP has a lower number than SIGCHLD, and the kernel hands out the lowest first.
#[test]
fn a_flood_that_does_not_end_does_not_hide_the_end_of_the_command() {
    let running =
        own(&[]).start_ready(Place::Here, "trap 'exit 9' HUP; echo ready; while :; do sleep 0.01; done");
    let init = Pid::new(running.pid()).unwrap();
    // The first one ends the command. The flood goes on until the init has ended too.
    let begun = std::time::Instant::now();
    let flood = || {
        while proc::is_alive(init.get()) && begun.elapsed() < DEADLINE {
            for _ in 0..1000 {
                let _ = kill(init, libc::SIGHUP);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(flood);
        }
    });
    assert!(!proc::is_alive(init.get()), "the init does not notice");
    assert_eq!(running.wait().status.code(), Some(9));
}

#[test]
fn the_end_of_the_parent_is_a_signal_to_the_command() {
    // The shell in the middle is the parent, and ends when it is told to.
    let script = "\"$@\" & echo $!; read line";
    let mut command = std::process::Command::new("sh");
    let init = own(&["-p", "USR1"]).with(&[
        "sh",
        "-c",
        "trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done",
    ]);
    command.args(["-c", script, "sh"]).args(&init.0);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut shell = command.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(shell.stdout.take().unwrap()));
    let mut said = [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()];
    said.sort();
    assert_eq!(said[1], "ready");
    let init: i32 = said[0].parse().unwrap();
    drop(shell.stdin.take());
    shell.wait().unwrap();
    eventually_true("the init ends with its command", || !proc::is_alive(init));
}
