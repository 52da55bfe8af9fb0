//! `why`: what an instance is and since when, what led there, what it waits for, and what happens next.

use super::reply::Reply;
use super::{asker, history};
use crate::core::fleet::Fleet;
use crate::core::history::Histories;
use crate::core::ids::InstanceKey;
use crate::core::instance::{Instance, Led};
use crate::core::moment::Moment;
use crate::core::order;
use crate::core::policy::Ending;
use crate::core::program::Program;
use crate::core::settings::Readiness;
use crate::core::why::{Forgiveness, IfItDied, Outlook, Prospect, Situation, Then, WaitsFor};
use crate::sys::signals::signal_name;
use crate::wire::msgpack::Writer;
use std::time::Duration;

/// What the answers are made from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// All programs.
    pub fleet: &'a Fleet,
    /// The runs that ended.
    pub histories: &'a Histories,
    /// The present time.
    pub now: Moment,
}

impl View<'_> {
    /// The reply to `why`. `others` are the deadlines of an instance beside its timer, by their names.
    pub fn reply(
        &self,
        keys: &[InstanceKey],
        others: impl Fn(InstanceKey) -> Vec<(&'static str, Moment)>,
    ) -> Reply {
        let mut reply = Reply::new();
        let known = || {
            let programs = keys.iter().filter_map(|key| Some((*key, self.fleet.program(key.program)?)));
            programs.filter_map(|(key, program)| Some((key, program, program.instances.get(&key.index)?)))
        };
        let writer = reply.body_of("why");
        writer.array(known().count());
        for (key, program, instance) in known() {
            self.write(writer, key, program, instance, others(key));
        }
        reply
    }

    fn write(
        &self,
        writer: &mut Writer,
        key: InstanceKey,
        program: &Program,
        instance: &Instance,
        others: Vec<(&'static str, Moment)>,
    ) {
        let age = instance.duration(self.now);
        let requirements = self.fleet.requirements(key.program);
        let situation = Situation { settings: &program.settings, instance, requirements };
        let outdated = instance.run.as_ref().is_some_and(|run| run.revision != program.revision);
        writer.map(17);
        writer.entry("program", &*program.name);
        writer.entry("instance", key.index.0);
        writer.entry("state", instance.state.name().as_str());
        writer.entry("admin_state", instance.admin.as_str());
        writer.entry("since", self.now.since(instance.since).as_secs_f64());
        writer.entry("pid", instance.pid().map_or(0, |pid| pid.raw()));
        writer.entry("duration", age.as_secs_f64());
        let reason = self.fleet.reason(program, instance, signal_name);
        writer.entry("reason", reason.as_deref());
        writer.entry("waits_for", waits_for(&situation, reason.as_deref()).as_deref());
        writer.str("timers");
        self.write_timers(writer, &situation, age, others);
        writer.str("last_edge");
        write_led(writer, instance.led.as_ref());
        writer.str("if_it_died");
        write_prospects(writer, situation.if_it_died(age));
        writer.entry("flap_count", instance.flap_count);
        writer.entry("flapping", instance.is_flapping(&program.settings.policy));
        writer.entry("flaps_forgiven", forgiveness(&situation, age).as_deref());
        writer.entry("restart_needed", outdated);
        writer.str("last_run");
        match self.histories.runs(key, 1).next() {
            Some(run) => history::write_run(writer, self.histories, run),
            None => writer.nil(),
        }
    }

    /// The deadlines of an instance, the next one first.
    fn write_timers(
        &self,
        writer: &mut Writer,
        situation: &Situation<'_>,
        age: Duration,
        others: Vec<(&'static str, Moment)>,
    ) {
        let armed = situation.instance.timer;
        let own = armed.map(|armed| {
            let left = armed.at.since(self.now);
            // What its run will have lasted by then decides what follows.
            let outlook = situation.when_fired(armed.timer, age.saturating_add(left));
            (armed.timer.as_str(), armed.at, Some(outlook))
        });
        let mut timers: Vec<_> = others.into_iter().map(|(name, at)| (name, at, None)).collect();
        timers.extend(own);
        order::sort_by_key(&mut timers, |(_, at, _)| *at);
        writer.array(timers.len());
        for (name, at, outlook) in timers {
            writer.map(if outlook.is_some() { 6 } else { 2 });
            writer.entry("name", name);
            writer.entry("in", at.since(self.now).as_secs_f64());
            if let Some(outlook) = outlook {
                write_outlook(writer, &outlook);
            }
        }
    }
}

/// Four entries: the state, the admin state, what comes then, and in how many seconds.
fn write_outlook(writer: &mut Writer, outlook: &Outlook) {
    let (then, within) = match outlook.then {
        Then::Rests => ("rests", None),
        Then::Starts(delay) => ("starts", Some(delay)),
        Then::Waits => ("waits", None),
        Then::Stops(time) => ("stops", Some(time)),
        Then::Gone => ("gone", None),
    };
    writer.entry("state", outlook.state.as_str());
    writer.entry("admin_state", outlook.admin.as_str());
    writer.entry("then", then);
    writer.entry("within", within.map(|time| time.as_secs_f64()));
}

fn write_led(writer: &mut Writer, led: Option<&Led>) {
    let Some(led) = led else { return writer.nil() };
    writer.map(3);
    writer.entry("from", led.from.as_str());
    writer.entry("input", led.input.as_str());
    writer.str("asked_by");
    asker::write(writer, led.asked_by.as_deref());
}

fn write_prospects(writer: &mut Writer, if_it_died: IfItDied) {
    match if_it_died {
        IfItDied::NoProcess => writer.array(0),
        IfItDied::Anyhow(prospect) => {
            writer.array(1);
            write_prospect(writer, "any", &prospect);
        }
        IfItDied::Depends { success, failure } => {
            writer.array(2);
            write_prospect(writer, "success", &success);
            write_prospect(writer, "failure", &failure);
        }
    }
}

fn write_prospect(writer: &mut Writer, ending: &str, prospect: &Prospect) {
    let exitcode = match prospect.ending {
        Ending::Exited(code) => code,
        Ending::Killed(_) => -1,
        Ending::NotExecuted => 127,
    };
    writer.map(8);
    writer.entry("ending", ending);
    writer.entry("exitcode", exitcode);
    writer.entry("verdict", prospect.verdict.map(|verdict| verdict.as_str()));
    writer.entry("flap_count", prospect.flap_count);
    write_outlook(writer, &prospect.outlook);
}

/// What it waits for, to follow "waits for"; `None` if that is nothing.
fn waits_for(situation: &Situation<'_>, reason: Option<&str>) -> Option<String> {
    Some(match situation.waits_for() {
        WaitsFor::Nothing => return None,
        WaitsFor::Execution => "its program to be executed".to_string(),
        WaitsFor::Lasting(time) => format!("its process to have run for {} s", time.as_secs_f64()),
        WaitsFor::Readiness(Readiness::Descriptor(number)) => {
            format!("its process to write a newline to descriptor {number}")
        }
        WaitsFor::Readiness(Readiness::Notify | Readiness::Delay) => {
            "its process to say that it is ready".to_string()
        }
        WaitsFor::Exit => "its process to end".to_string(),
        // Which of it, and what that is doing, is its reason.
        WaitsFor::Requirements => {
            let which = reason.and_then(|reason| reason.strip_prefix("waits for "));
            which.unwrap_or("what it requires").to_string()
        }
        WaitsFor::Delay => "the delay before its next start".to_string(),
        WaitsFor::Operator => "somebody to start it".to_string(),
    })
}

/// What forgives its flaps, to follow "forgiven"; `None` if there are none.
fn forgiveness(situation: &Situation<'_>, age: Duration) -> Option<String> {
    match situation.forgiveness(age) {
        Forgiveness::NothingToForgive => None,
        Forgiveness::In(left) => Some(format!("in {:.1} s, if this run lasts", left.as_secs_f64())),
        Forgiveness::ByRun(time) if time.is_zero() => Some("when it is running".to_string()),
        Forgiveness::ByRun(time) => {
            Some(format!("when it is running and that run has lasted {} s", time.as_secs_f64()))
        }
    }
}
