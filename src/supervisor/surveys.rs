//! Replies for which each of many instances has to be looked at: some in each turn, so that a thousand processes hold
//! up nobody, and then answered as it was found.

use super::Supervisor;
use super::rpc::{Caller, Kept};
use crate::api::metrics::InstanceMetrics;
use crate::api::reply::{ApiError, Code};
use crate::api::request::Usage;
use crate::api::status::{Usages, View};
use crate::core::fleet::Selection;
use crate::core::ids::InstanceKey;
use crate::core::instance::Instance;
use crate::sys::process::Pid;
use crate::sys::usage::{self, ProcessUsage};
use std::collections::VecDeque;

/// The share of a turn, in instances that are gone through.
const SHARE: usize = 512;
/// How many times as much a look at a process is: the kernel takes some ten microseconds for it.
const LOOK: usize = 8;
/// How many surveys there may be at a time.
const MAX_SURVEYS: usize = 64;
/// Of how many instances all of them together may be.
const MAX_INSTANCES: usize = 400_000;

/// The surveys that are under way, in the order of asking.
#[derive(Debug, Default)]
pub struct Surveys {
    waiting: VecDeque<Survey>,
    instances: usize,
}

/// A survey of several instances.
#[derive(Debug)]
struct Survey {
    kept: Kept,
    keys: Vec<InstanceKey>,
    /// How many of them were gone through.
    done: usize,
    usages: Usages,
    report: Report,
}

/// What is made of a survey.
#[derive(Debug)]
pub enum Report {
    /// The reply to `status`.
    Status(Selection),
    /// The reply to `list`.
    List,
    /// The reply to `metrics`, which is written as it goes.
    Metrics(Usage, Box<InstanceMetrics>),
}

impl Surveys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is left to look at.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn take(&mut self) -> Option<Survey> {
        let survey = self.waiting.pop_front()?;
        self.instances = self.instances.saturating_sub(survey.keys.len());
        Some(survey)
    }

    fn begin(&mut self, survey: Survey) {
        self.instances += survey.keys.len();
        self.waiting.push_back(survey);
    }

    fn go_on(&mut self, survey: Survey) {
        self.instances += survey.keys.len();
        self.waiting.push_front(survey);
    }
}

impl Report {
    /// What an instance costs.
    fn cost(&self) -> usize {
        match self {
            Report::Metrics(Usage::LeftOut, _) => 1,
            Report::Status(_) | Report::List | Report::Metrics(Usage::Told, _) => LOOK,
        }
    }
}

impl Supervisor {
    /// Begins a survey, which is answered when it is done.
    ///
    /// # Errors
    /// `busy` when there are too many.
    pub fn survey(
        &mut self,
        caller: &Caller,
        keys: Vec<InstanceKey>,
        report: Report,
    ) -> Result<(), ApiError> {
        let (surveys, instances) = (self.surveys.len(), self.surveys.instances + keys.len());
        if surveys >= MAX_SURVEYS || (surveys > 0 && instances > MAX_INSTANCES) {
            let sentence = "Too many requests ask what processes use; ask again";
            return Err(ApiError::new(Code::Busy, sentence));
        }
        let kept = self.keep(caller)?;
        self.surveys.begin(Survey { kept, keys, done: 0, usages: Usages::new(), report });
        Ok(())
    }

    /// Does a turn's share of the surveys.
    pub fn go_on_with_surveys(&mut self) {
        let mut left = SHARE;
        while left > 0 {
            let Some(mut survey) = self.surveys.take() else { return };
            let cost = survey.report.cost();
            let end = survey.keys.len().min(survey.done + (left / cost).max(1));
            for index in survey.done..end {
                self.look_at(&mut survey, index);
            }
            left = left.saturating_sub((end - survey.done) * cost);
            survey.done = end;
            if end < survey.keys.len() {
                return self.surveys.go_on(survey);
            }
            // Its answer has all of them.
            left = left.saturating_sub(end.max(1));
            self.answer_survey(survey);
        }
    }

    /// Looks at an instance. One that has gone meanwhile is in no answer.
    fn look_at(&self, survey: &mut Survey, index: usize) {
        let Some(key) = survey.keys.get(index).copied() else { return };
        let Some(program) = self.fleet.program(key.program) else { return };
        let Some(instance) = program.instances.get(&key.index) else { return };
        match &mut survey.report {
            Report::Metrics(wanted, metrics) => {
                let usage = if *wanted == Usage::Told { usage_of(instance) } else { None };
                metrics.add(program, key.index.0, instance, usage.as_ref(), self.now);
            }
            Report::Status(_) | Report::List => {
                survey.usages.extend(usage_of(instance).map(|usage| (key, usage)));
            }
        }
    }

    fn answer_survey(&mut self, survey: Survey) {
        let Survey { kept, keys, usages, report, .. } = survey;
        let view = View { usages: Some(&usages), ..self.view() };
        let reply = match report {
            Report::Status(selection) => view.status(&keys, &self.empty_programs(&selection)),
            Report::List => view.list(&keys),
            Report::Metrics(_, metrics) => metrics.reply(&self.fleet, &self.facts(), &self.inside()),
        };
        let caller = self.recall(kept);
        self.answer(&caller, reply);
    }

    /// Tells those who asked that there will be no answer.
    pub fn refuse_surveys(&mut self) {
        while let Some(survey) = self.surveys.take() {
            self.refuse_kept(survey.kept);
        }
    }
}

/// What the process of an instance uses, if it has one and that is to be seen.
fn usage_of(instance: &Instance) -> Option<ProcessUsage> {
    // A run is that of a process that is not reaped yet, so its id is nobody else's.
    usage::of_process(Pid::new(instance.pid()?.raw())?).ok()
}
