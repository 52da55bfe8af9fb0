//! What is remembered of runs that ended: a certificate each, the latest few of every instance, and what they said last.
//!
//! It is kept small, since it is kept of everything: a certificate is a fixed size and holds a sentence of its own only
//! where its other fields do not tell it; a ring grows as runs come; and all last words together have one bound.

use super::asker::Asker;
use super::exits::DeathCause;
use super::ids::{InstanceKey, Pid};
use super::last_run::{Cause, LastRun, plain_sentence};
use super::policy::{Ending, Reached};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// How many runs of each instance are remembered unless told otherwise.
pub const DEFAULT_RUNS: usize = 16;
/// The most that may be asked for.
pub const MOST_RUNS: u32 = 10_000;
/// How many bytes of what a run said last are kept.
pub const LAST_WORDS: usize = 1024;
/// How many bytes the last words of all runs may take, with what it costs to keep them. The oldest go first.
pub const ALL_LAST_WORDS: usize = 1 << 20;
/// What it costs to keep last words beside the words.
const PER_WORDS: usize = 64;

/// Whether a core was dumped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CoreDump {
    /// It was.
    Written,
    /// It was not.
    #[default]
    None,
}

/// What a process and its descendants have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The most memory that was in RAM at a time, in bytes.
    pub max_resident: u64,
}

/// What is known of a run that ended beside how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its process; `None` if there never was one.
    pub pid: Option<Pid>,
    /// When it was started, in seconds since 1970.
    pub start_time: f64,
    /// When its end was seen, in seconds since 1970.
    pub end_time: f64,
    /// Whether a core was dumped.
    pub core: CoreDump,
    /// How far it had come.
    pub reached: Reached,
    /// What it has used.
    pub usage: Usage,
}

/// The number of a certificate. None is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateNumber(u64);

/// A run that ended, as it is remembered.
#[derive(Clone, Debug)]
pub struct Certificate {
    number: CertificateNumber,
    /// When it was started, in seconds since 1970.
    pub start_time: f64,
    /// When its end was seen, in seconds since 1970. The clock may have been set in between.
    pub end_time: f64,
    /// How long it lasted, in seconds.
    pub duration: f64,
    cpu_user: u64,
    cpu_system: u64,
    /// What a sentence on its end says beyond the other fields.
    sentence: Option<Rc<str>>,
    /// Who asked for its end.
    pub asked_by: Option<Rc<Asker>>,
    /// How it ended.
    pub ending: Ending,
    pid: i32,
    max_resident_kib: u32,
    /// Why it ended.
    pub cause: DeathCause,
    /// Whether a core was dumped.
    pub core: CoreDump,
    /// How far it had come.
    pub reached: Reached,
}

/// The certificates of all instances, and last words.
#[derive(Debug)]
pub struct Histories {
    runs: HashMap<InstanceKey, VecDeque<Certificate>>,
    /// The runs of an instance that has none.
    none: VecDeque<Certificate>,
    most: usize,
    given: u64,
    words: BTreeMap<CertificateNumber, Box<[u8]>>,
    words_cost: usize,
}

impl Certificate {
    fn new(number: CertificateNumber, last: &LastRun, facts: &Facts) -> Self {
        const KIB: u64 = 1024;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            number,
            start_time: facts.start_time,
            end_time: facts.end_time,
            duration: last.duration.as_secs_f64(),
            cpu_user: micros(facts.usage.user),
            cpu_system: micros(facts.usage.system),
            sentence: last.own_sentence().map(Into::into),
            asked_by: last.asked_by.clone(),
            ending: last.ending,
            pid: facts.pid.map_or(0, Pid::raw),
            max_resident_kib: u32::try_from(facts.usage.max_resident / KIB).unwrap_or(u32::MAX),
            cause: DeathCause::of(last),
            core: facts.core,
            reached: facts.reached,
        }
    }

    /// Which one it is.
    pub fn number(&self) -> CertificateNumber {
        self.number
    }

    /// Its process; `None` if there never was one.
    pub fn pid(&self) -> Option<Pid> {
        Pid::new(self.pid)
    }

    /// What it has used.
    pub fn usage(&self) -> Usage {
        Usage {
            user: Duration::from_micros(self.cpu_user),
            system: Duration::from_micros(self.cpu_system),
            max_resident: u64::from(self.max_resident_kib) * 1024,
        }
    }

    /// How and why it ended, as a sentence.
    pub fn reason(&self, signal_name: impl Fn(i32) -> String) -> String {
        match &self.sentence {
            Some(sentence) => sentence.to_string(),
            None => {
                let stopped = match self.cause {
                    DeathCause::Stopped | DeathCause::Requirement => Some(Cause::Stopped),
                    DeathCause::StopTimeout => Some(Cause::StopTimeout),
                    DeathCause::OutOfMemory => Some(Cause::OutOfMemory),
                    DeathCause::Exit
                    | DeathCause::Signal
                    | DeathCause::StartTimeout
                    | DeathCause::Watchdog
                    | DeathCause::Unhealthy
                    | DeathCause::MemoryLimit
                    | DeathCause::SpawnFailed => None,
                };
                let cause = stopped.unwrap_or(Cause::Failed);
                plain_sentence(&cause, self.ending, self.duration, signal_name)
            }
        }
    }
}

impl Histories {
    /// Nothing yet, and at most so many runs of each instance to come.
    pub fn new(most: usize) -> Self {
        Self {
            runs: HashMap::new(),
            none: VecDeque::new(),
            most,
            given: 0,
            words: BTreeMap::new(),
            words_cost: 0,
        }
    }

    /// Remembers at most so many runs of each instance from now on; the oldest beyond that are forgotten at once.
    pub fn set_most(&mut self, most: usize) {
        if most < self.most {
            let mut surplus = Vec::new();
            self.runs.retain(|_, runs| {
                surplus.extend(runs.drain(..runs.len().saturating_sub(most)).map(|run| run.number));
                !runs.is_empty()
            });
            surplus.into_iter().for_each(|number| self.forget_words(number));
        }
        self.most = most;
    }

    /// Remembers a run, in place of the oldest of that instance if they are many.
    pub fn record(&mut self, key: InstanceKey, last: &LastRun, facts: &Facts) -> CertificateNumber {
        self.given += 1;
        let number = CertificateNumber(self.given);
        if self.most == 0 {
            return number;
        }
        let mut certificate = Certificate::new(number, last, facts);
        let runs = self.runs.entry(key).or_default();
        // What fails again and again does so for the same reason, which is then held once.
        if let Some(before) = runs.back()
            && before.sentence == certificate.sentence
        {
            certificate.sentence.clone_from(&before.sentence);
        }
        let oldest = if runs.len() >= self.most { runs.pop_front() } else { None };
        runs.push_back(certificate);
        if let Some(oldest) = oldest {
            self.forget_words(oldest.number);
        }
        number
    }

    /// The latest runs of an instance, at most `limit`, oldest first.
    pub fn runs(&self, key: InstanceKey, limit: usize) -> impl ExactSizeIterator<Item = &Certificate> {
        let runs = self.runs.get(&key).unwrap_or(&self.none);
        runs.range(runs.len().saturating_sub(limit)..)
    }

    /// Keeps what a run said last, as far as it fits, if the run is still remembered.
    pub fn keep_words(&mut self, key: InstanceKey, number: CertificateNumber, words: &[u8]) {
        let words = words.get(words.len().saturating_sub(LAST_WORDS)..).unwrap_or_default();
        let known = self
            .runs
            .get(&key)
            .is_some_and(|runs| runs.binary_search_by_key(&number, |certificate| certificate.number).is_ok());
        if words.is_empty() || !known {
            return;
        }
        self.forget_words(number);
        self.words_cost += cost(words);
        self.words.insert(number, words.into());
        while self.words_cost > ALL_LAST_WORDS {
            let Some((_, oldest)) = self.words.pop_first() else { return };
            self.words_cost -= cost(&oldest);
        }
    }

    /// What a run said last; `None` if nothing is known of that, or not any more.
    pub fn words(&self, number: CertificateNumber) -> Option<&[u8]> {
        self.words.get(&number).map(|words| &**words)
    }

    /// Forgets all runs of an instance.
    pub fn forget(&mut self, key: InstanceKey) {
        for certificate in self.runs.remove(&key).unwrap_or_default() {
            self.forget_words(certificate.number);
        }
    }

    fn forget_words(&mut self, number: CertificateNumber) {
        if let Some(words) = self.words.remove(&number) {
            self.words_cost -= cost(&words);
        }
    }
}

fn cost(words: &[u8]) -> usize {
    words.len() + PER_WORDS
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
