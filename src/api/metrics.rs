//! `metrics`: what is known of instances and of the supervisor as OpenMetrics text.
//!
//! The text is in the order of its families, and instances come one by one, so each family is a text of its own until
//! the end.

mod families;

use super::info::{Facts, HookCounts};
use super::reply::Reply;
use crate::core::fleet::Fleet;
use crate::core::histogram::Histogram;
use crate::core::instance::Instance;
use crate::core::moment::Moment;
use crate::core::program::Program;
use crate::core::state::{AdminState, StateName};
use crate::sys::usage::ProcessUsage;
use crate::wire::openmetrics::{Block, END, Family, Labels, Number};
use families as f;

/// What the supervisor alone knows of itself, beside [`Facts`].
#[derive(Clone, Debug)]
pub struct Inside {
    /// How long turns of the loop took.
    pub turns: Histogram,
    /// How often the loop had waited.
    pub wakeups: u64,
    /// Requests received.
    pub requests: u64,
    /// Events that happened.
    pub events: u64,
    /// Events that are held.
    pub held: usize,
    /// Events handed to sockets.
    pub published: u64,
    /// Connections that subscribe to events.
    pub subscribers: usize,
    /// Queues, each with what waits in it.
    pub queues: [(&'static str, usize); 4],
    /// Bytes of replies that wait for clients to fetch them.
    pub unfetched: usize,
    /// Open descriptors, where the system tells.
    pub descriptors: Option<u64>,
    /// How many there may be, where the system tells.
    pub most_descriptors: Option<u64>,
}

/// The families of instances, in the making.
#[derive(Clone, Debug)]
pub struct InstanceMetrics {
    state: Block,
    wanted: Block,
    starts: Block,
    exits: Block,
    flaps: Block,
    flapping: Block,
    uptime: Block,
    exit_code: Block,
    cpu: Block,
    memory: Block,
    threads: Block,
}

impl Default for InstanceMetrics {
    fn default() -> Self {
        Self {
            state: Block::new(&f::STATE),
            wanted: Block::new(&f::WANTED),
            starts: Block::new(&f::STARTS),
            exits: Block::new(&f::EXITS),
            flaps: Block::new(&f::FLAPS),
            flapping: Block::new(&f::FLAPPING),
            uptime: Block::new(&f::UPTIME),
            exit_code: Block::new(&f::EXIT_CODE),
            cpu: Block::new(&f::CPU),
            memory: Block::new(&f::MEMORY),
            threads: Block::new(&f::THREADS),
        }
    }
}

impl InstanceMetrics {
    /// Adds an instance, with what its process uses if that was looked at.
    pub fn add(
        &mut self,
        program: &Program,
        number: u32,
        instance: &Instance,
        usage: Option<&ProcessUsage>,
        now: Moment,
    ) {
        let labels = Labels::default().with("program", &program.name).with("instance", &number.to_string());
        let states = StateName::ALL.into_iter().map(StateName::as_str);
        self.state.add_states(&labels, states, instance.state.name().as_str());
        self.wanted.add(&labels, instance.admin != AdminState::Down);
        self.starts.add(&labels, instance.start_count);
        for (cause, count) in instance.exits.iter() {
            self.exits.add_with(&labels, ("cause", cause.as_str()), count);
        }
        self.flaps.add(&labels, instance.flap_count);
        self.flapping.add(&labels, instance.is_flapping(&program.settings.policy));
        self.uptime.add(&labels, instance.duration(now).as_secs_f64());
        if instance.last.is_some() {
            self.exit_code.add(&labels, instance.exitcode());
        }
        if let Some(usage) = usage {
            add_cpu(&mut self.cpu, &labels, (usage.user_seconds, usage.system_seconds));
            self.memory.add(&labels, usage.resident_bytes);
            self.threads.add(&labels, usage.threads);
        }
    }

    /// The reply to `metrics`.
    pub fn reply(&self, fleet: &Fleet, facts: &Facts<'_>, inside: &Inside) -> Reply {
        let own = of_supervisor(fleet, facts, inside);
        let families = own.iter().chain(self.blocks()).map(Block::as_str);
        let parts: Vec<&str> = families.chain([END]).collect();
        let mut reply = Reply::new();
        reply.body_of("text").str_in_parts(&parts);
        reply
    }

    fn blocks(&self) -> [&Block; 11] {
        [
            &self.state,
            &self.wanted,
            &self.starts,
            &self.exits,
            &self.flaps,
            &self.flapping,
            &self.uptime,
            &self.exit_code,
            &self.cpu,
            &self.memory,
            &self.threads,
        ]
    }
}

fn add_cpu(block: &mut Block, labels: &Labels, (user, system): (f64, f64)) {
    block.add_with(labels, ("mode", "user"), user);
    block.add_with(labels, ("mode", "system"), system);
}

/// The families of the supervisor.
fn of_supervisor(fleet: &Fleet, facts: &Facts<'_>, inside: &Inside) -> Vec<Block> {
    let mut blocks = vec![build(facts)];
    let mut one = |family: &'static Family, value: Option<Number>| {
        let mut block = Block::new(family);
        if let Some(value) = value {
            block.add(&Labels::NONE, value);
        }
        blocks.push(block);
    };
    one(&f::SUPERVISOR_UPTIME, Some(facts.uptime.as_secs_f64().into()));
    one(&f::PROGRAMS, Some(fleet.programs().count().into()));
    one(&f::LONGEST_TURN, Some(inside.turns.longest().as_secs_f64().into()));
    one(&f::WAKEUPS, Some(inside.wakeups.into()));
    one(&f::SUPERVISOR_MEMORY, facts.resident.map(Number::from));
    one(&f::DESCRIPTORS, inside.descriptors.map(Number::from));
    one(&f::MOST_DESCRIPTORS, inside.most_descriptors.map(Number::from));
    one(&f::REQUESTS, Some(inside.requests.into()));
    one(&f::EVENTS, Some(inside.events.into()));
    one(&f::HELD, Some(inside.held.into()));
    one(&f::PUBLISHED, Some(inside.published.into()));
    one(&f::SUBSCRIBERS, Some(inside.subscribers.into()));
    one(&f::UNFETCHED, Some(inside.unfetched.into()));
    one(&f::HOOKS_RUNNING, Some(facts.hooks.running.into()));
    one(&f::REPLIES_DROPPED, Some(facts.replies_dropped.into()));
    one(&f::NOTIFICATIONS_DROPPED, Some(facts.notifications_dropped.into()));
    one(&f::CONNECTIONS_REFUSED, Some(facts.connections_refused.into()));
    blocks.extend([
        instances(fleet),
        turns(&inside.turns),
        cpu(facts),
        queues(facts, inside),
        output(facts),
        hooks(facts),
    ]);
    blocks
}

fn build(facts: &Facts<'_>) -> Block {
    let mut block = Block::new(&f::BUILD);
    let labels = Labels::default().with("version", env!("CARGO_PKG_VERSION")).with("zmq_version", &facts.zmq);
    block.add(&labels, 1u64);
    block
}

fn instances(fleet: &Fleet) -> Block {
    let mut block = Block::new(&f::INSTANCES);
    for (state, count) in fleet.counts() {
        block.add_with(&Labels::NONE, ("state", state.as_str()), count);
    }
    block
}

fn turns(turns: &Histogram) -> Block {
    let mut block = Block::new(&f::TURNS);
    let buckets = turns.cumulative().map(|(bound, count)| (bound.map(|bound| bound.as_secs_f64()), count));
    block.add_histogram(&Labels::NONE, buckets, turns.total().as_secs_f64());
    block
}

fn cpu(facts: &Facts<'_>) -> Block {
    let mut block = Block::new(&f::SUPERVISOR_CPU);
    if let Some(cpu) = facts.cpu {
        add_cpu(&mut block, &Labels::NONE, cpu);
    }
    block
}

fn queues(facts: &Facts<'_>, inside: &Inside) -> Block {
    let mut block = Block::new(&f::QUEUES);
    block.add_with(&Labels::NONE, ("queue", "hooks"), facts.hooks.queued);
    for (queue, length) in inside.queues {
        block.add_with(&Labels::NONE, ("queue", queue), length);
    }
    block
}

fn hooks(facts: &Facts<'_>) -> Block {
    let mut block = Block::new(&f::HOOKS);
    let HookCounts { run, failed, dropped, .. } = facts.hooks;
    for (result, count) in
        [("succeeded", run.saturating_sub(failed)), ("failed", failed), ("dropped", dropped)]
    {
        block.add_with(&Labels::NONE, ("result", result), count);
    }
    block
}

fn output(facts: &Facts<'_>) -> Block {
    let mut block = Block::new(&f::OUTPUT);
    for (name, bytes) in facts.captured {
        block.add_with(&Labels::NONE, ("fate", name.trim_start_matches("output_")), bytes);
    }
    block
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
