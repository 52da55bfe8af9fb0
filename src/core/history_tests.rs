use super::super::asker::Wish;
use super::super::health::Ailment;
use super::super::ids::{InstanceIndex, ProgramId};
use super::*;

fn key(index: u32) -> InstanceKey {
    InstanceKey { program: ProgramId(1), index: InstanceIndex(index) }
}

fn last(cause: Cause, ending: Ending) -> LastRun {
    LastRun { ending, duration: Duration::from_millis(1500), cause, stop_note: None, asked_by: None }
}

fn facts(pid: i32) -> Facts {
    Facts {
        pid: Pid::new(pid),
        start_time: 10.0,
        end_time: 11.5,
        core: CoreDump::None,
        reached: Reached::Running,
        usage: Usage { user: Duration::from_millis(20), system: Duration::ZERO, max_resident: 4 << 20 },
    }
}

fn record(histories: &mut Histories, index: u32, pid: i32) -> CertificateNumber {
    histories.record(key(index), &last(Cause::Finished, Ending::Exited(0)), &facts(pid))
}

fn pids(histories: &Histories, index: u32, limit: usize) -> Vec<i32> {
    histories.runs(key(index), limit).map(|run| run.pid().map_or(0, Pid::raw)).collect()
}

#[test]
fn a_certificate_is_small() {
    assert!(size_of::<Certificate>() <= 96, "{}", size_of::<Certificate>());
}

#[test]
fn the_latest_runs_are_held_oldest_first() {
    let mut histories = Histories::new(3);
    assert_eq!(pids(&histories, 0, 9), []);
    for pid in 1..=5 {
        record(&mut histories, 0, pid);
    }
    record(&mut histories, 1, 7);
    assert_eq!(pids(&histories, 0, 9), [3, 4, 5]);
    assert_eq!(pids(&histories, 0, 2), [4, 5]);
    assert_eq!(pids(&histories, 0, 0), []);
    assert_eq!(pids(&histories, 1, 9), [7]);
    histories.forget(key(0));
    assert_eq!((pids(&histories, 0, 9), pids(&histories, 1, 9)), (vec![], vec![7]));
    let mut none = Histories::new(0);
    let number = record(&mut none, 0, 1);
    none.keep_words(key(0), number, b"words");
    assert_eq!((pids(&none, 0, 9), none.words(number)), (vec![], None));
}

#[test]
fn what_it_used_comes_back() {
    let mut histories = Histories::new(1);
    histories.record(key(0), &last(Cause::Stopped, Ending::Killed(15)), &facts(7));
    let run = histories.runs(key(0), 1).next().unwrap();
    assert_eq!(run.usage(), facts(7).usage);
    assert_eq!((run.duration, run.start_time, run.end_time), (1.5, 10.0, 11.5));
    assert_eq!((run.ending, run.reached, run.core), (Ending::Killed(15), Reached::Running, CoreDump::None));
}

#[test]
fn causes_are_told_apart_and_so_are_their_sentences() {
    let spawn = || Cause::SpawnFailed("exec: No such file or directory (x)".into());
    let ill = |ailment| Cause::Unhealthy(Box::new(ailment));
    let check = || Ailment::Check { words: "exited with code 1".into(), failures: 1 };
    let term = Ending::Killed(15);
    let expected = [
        (Cause::Finished, Ending::Exited(0), "exit", "exited with code 0 after 1.5 s"),
        (Cause::Failed, Ending::Exited(3), "exit", "exited with code 3 after 1.5 s"),
        (Cause::Failed, Ending::Killed(11), "signal", "killed by signal 11 (S11) after 1.5 s"),
        (Cause::OutOfMemory, Ending::Killed(9), "oom", "killed by the kernel, out of memory, after 1.5 s"),
        (Cause::Stopped, term, "stopped", "stopped"),
        (Cause::StopTimeout, Ending::Killed(9), "stop-timeout", "did not stop in time and was killed"),
        (ill(check()), term, "unhealthy", "unhealthy: its health check exited with code 1"),
        (
            ill(Ailment::Memory { resident: 2 << 20, limit: 1 << 20 }),
            term,
            "memory-limit",
            "its memory (2 MiB) stayed above memory_limit (1 MiB)",
        ),
        (
            ill(Ailment::NotReady(Duration::from_secs(1))),
            term,
            "start-timeout",
            "did not say in 1 s that it is ready",
        ),
        (ill(Ailment::Broken), term, "watchdog", "set off its watchdog itself"),
        (ill(Ailment::Silent(Duration::from_secs(2))), term, "watchdog", "its watchdog was not fed for 2 s"),
        (spawn(), Ending::NotExecuted, "spawn-failed", "exec: No such file or directory (x)"),
    ];
    for (cause, ending, word, sentence) in expected {
        let mut histories = Histories::new(1);
        histories.record(key(0), &last(cause, ending), &facts(1));
        let run = histories.runs(key(0), 1).next().unwrap();
        assert_eq!(run.cause.as_str(), word);
        assert_eq!(run.reason(|signal| format!("S{signal}")), sentence, "{word}");
    }
    let required = Asker::inside(Wish::Requirement("db".into()));
    let stopped = LastRun { asked_by: Some(required), ..last(Cause::Stopped, term) };
    assert_eq!(DeathCause::of(&stopped), DeathCause::Requirement);
    let noted = LastRun { stop_note: Some("it was slow".into()), ..last(Cause::Stopped, term) };
    assert_eq!(noted.own_sentence().as_deref(), Some("stopped; it was slow"));
}

#[test]
fn a_sentence_that_comes_again_is_held_once() {
    let mut histories = Histories::new(4);
    let failed = || last(Cause::SpawnFailed("exec: Permission denied".into()), Ending::NotExecuted);
    for _ in 0..2 {
        histories.record(key(0), &failed(), &facts(1));
    }
    let held: Vec<_> = histories.runs(key(0), 9).filter_map(|run| run.sentence.clone()).collect();
    assert!(Rc::ptr_eq(&held[0], &held[1]));
}

#[test]
fn last_words_go_with_their_run() {
    let mut histories = Histories::new(2);
    let first = record(&mut histories, 0, 1);
    histories.keep_words(key(0), first, b"");
    assert_eq!(histories.words(first), None);
    histories.keep_words(key(0), first, &[b"x".repeat(LAST_WORDS), b"end".to_vec()].concat());
    assert!(histories.words(first).unwrap().ends_with(b"xend"));
    assert_eq!(histories.words(first).unwrap().len(), LAST_WORDS);
    histories.keep_words(key(0), first, b"other");
    assert_eq!(histories.words(first), Some(&b"other"[..]));
    let second = record(&mut histories, 0, 2);
    histories.keep_words(key(0), second, b"second");
    record(&mut histories, 0, 3);
    assert_eq!((histories.words(first), histories.words(second)), (None, Some(&b"second"[..])));
    // Of one that is remembered no more nothing is kept.
    histories.keep_words(key(0), first, b"late");
    assert_eq!(histories.words(first), None);
    histories.forget(key(0));
    assert_eq!((histories.words(second), histories.words_cost, histories.words.len()), (None, 0, 0));
}

#[test]
fn the_bound_can_be_changed() {
    let mut histories = Histories::new(4);
    let numbers: Vec<_> = (1..=4).map(|pid| record(&mut histories, 0, pid)).collect();
    numbers.iter().for_each(|number| histories.keep_words(key(0), *number, b"words"));
    histories.set_most(2);
    assert_eq!(pids(&histories, 0, 9), [3, 4]);
    assert_eq!((histories.words(numbers[1]), histories.words.len()), (None, 2));
    record(&mut histories, 0, 5);
    assert_eq!(pids(&histories, 0, 9), [4, 5]);
    histories.set_most(3);
    record(&mut histories, 0, 6);
    assert_eq!(pids(&histories, 0, 9), [4, 5, 6]);
    histories.set_most(0);
    assert_eq!((pids(&histories, 0, 9), histories.words_cost, histories.runs.len()), (vec![], 0, 0));
}

#[test]
fn all_last_words_have_one_bound_and_the_oldest_go() {
    let mut histories = Histories::new(2);
    let words = [b'x'; LAST_WORDS];
    let numbers: Vec<_> = (0..2000)
        .map(|index| {
            let number = record(&mut histories, index, 1);
            histories.keep_words(key(index), number, &words);
            number
        })
        .collect();
    assert!(histories.words_cost <= ALL_LAST_WORDS);
    let held = numbers.iter().filter(|number| histories.words(**number).is_some()).count();
    assert_eq!(held, ALL_LAST_WORDS / (LAST_WORDS + PER_WORDS));
    assert!(histories.words(numbers[1999]).is_some() && histories.words(numbers[0]).is_none());
}
