//! The families: a row each, from which the text and the manual page's table are made.

use crate::wire::openmetrics::{Family, Kind, Unit};

macro_rules! families {
    ($(#[$doc:meta] $list:ident: $($row:ident $name:literal $kind:ident $unit:ident $help:literal;)*)*) => {
        $(
            $(pub const $row: Family =
                Family { name: $name, kind: Kind::$kind, unit: Unit::$unit, help: $help };)*
            #[$doc]
            #[cfg(test)]
            pub const $list: &[Family] = &[$($row),*];
        )*
    };
}

families! {
    /// Of each instance; all have the labels `program` and `instance`.
    OF_INSTANCES:
    STATE "procnanny_instance_state" StateSet None
        "The state of the instance.";
    WANTED "procnanny_instance_wanted_up" Gauge None
        "Whether it is wanted up (or to run once).";
    STARTS "procnanny_instance_starts" Counter None
        "Processes that were started, failed attempts included.";
    EXITS "procnanny_instance_exits" Counter None
        "Processes that ended, by cause; a cause is there once it has happened.";
    FLAPS "procnanny_instance_flaps" Gauge None
        "Flaps in a row.";
    FLAPPING "procnanny_instance_flapping" Gauge None
        "Whether that is more than its policy finds ordinary.";
    UPTIME "procnanny_instance_uptime_seconds" Gauge Seconds
        "How long its process has run; 0 without one.";
    EXIT_CODE "procnanny_instance_last_exit_code" Gauge None
        "The exit code of its last process: -1 after a signal, 127 if nothing could be executed. Not there before one ended.";
    CPU "procnanny_instance_cpu_seconds" Counter Seconds
        "Processor time of its main process, by mode; begins anew with each process.";
    MEMORY "procnanny_instance_resident_memory_bytes" Gauge Bytes
        "Memory of its main process that is in RAM.";
    THREADS "procnanny_instance_threads" Gauge None
        "Threads of its main process.";

    /// Of the supervisor.
    OF_SUPERVISOR:
    BUILD "procnanny_build" Info None
        "The versions of the supervisor and of its libzmq.";
    SUPERVISOR_UPTIME "procnanny_uptime_seconds" Gauge Seconds
        "How long the supervisor has run.";
    PROGRAMS "procnanny_programs" Gauge None
        "Programs.";
    INSTANCES "procnanny_instances" Gauge None
        "Instances, by state.";
    TURNS "procnanny_loop_turn_seconds" Histogram Seconds
        "Turns of the loop, by the time from waking up to waiting again: how long anything else had to wait.";
    LONGEST_TURN "procnanny_loop_longest_turn_seconds" Gauge Seconds
        "The longest turn up to now.";
    WAKEUPS "procnanny_loop_wakeups" Counter None
        "Turns that had waited for something to happen.";
    SUPERVISOR_CPU "procnanny_cpu_seconds" Counter Seconds
        "Processor time of the supervisor, by mode, libzmq's threads included.";
    SUPERVISOR_MEMORY "procnanny_resident_memory_bytes" Gauge Bytes
        "Memory of the supervisor that is in RAM.";
    DESCRIPTORS "procnanny_open_descriptors" Gauge None
        "Descriptors that the supervisor has open.";
    MOST_DESCRIPTORS "procnanny_open_descriptors_limit" Gauge None
        "How many it may have open.";
    REQUESTS "procnanny_requests" Counter None
        "Requests received, malformed ones included.";
    EVENTS "procnanny_events" Counter None
        "Events that happened: the seq of the latest.";
    HELD "procnanny_events_held" Gauge None
        "Events that can be asked for.";
    PUBLISHED "procnanny_events_published" Counter None
        "Events handed to a socket with subscribers; what libzmq drops for a slow one is not told to us.";
    SUBSCRIBERS "procnanny_subscribers" Gauge None
        "Connections that subscribe to events.";
    QUEUES "procnanny_queue_length" Gauge None
        "What waits, by queue: commands to carry out (operations), replies for later (waiters), surveys of many instances \
         (surveys), clients with replies that they do not fetch (outboxes), hooks to run (hooks).";
    UNFETCHED "procnanny_outbox_bytes" Gauge Bytes
        "Replies that wait for clients to fetch them.";
    HOOKS "procnanny_hooks" Counter None
        "Hooks, by their result: succeeded, failed, or dropped without having been run.";
    HOOKS_RUNNING "procnanny_hooks_running" Gauge None
        "Hooks that are under way.";
    OUTPUT "procnanny_output_bytes" Counter Bytes
        "Captured output, by what became of it: taken in, written, dropped.";
    REPLIES_DROPPED "procnanny_replies_dropped" Counter None
        "Replies that were not fetched and thrown away.";
    NOTIFICATIONS_DROPPED "procnanny_notifications_dropped" Counter None
        "Readiness notifications that were thrown away: of strangers, and what was too long.";
    CONNECTIONS_REFUSED "procnanny_connections_refused" Counter None
        "Connections that there were no descriptors for.";
}
