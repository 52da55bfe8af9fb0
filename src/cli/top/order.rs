//! Which instances are shown, and in which order.

use super::abilities::Abilities;
use super::model::{Id, Model, Row};
use crate::core::order;
use crate::core::state::StateName;
use std::cmp::Ordering;

/// What instances are ordered by; those that are alike, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Programs by name, instances by number.
    #[default]
    Name,
    /// What is not well first.
    State,
    /// What uses the processor most first.
    Cpu,
    /// What uses most memory first.
    Memory,
    /// The youngest process first: it has just been started.
    Uptime,
    /// What was started most often first.
    Restarts,
}

impl Sort {
    /// The name that is shown.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::State => "state",
            Sort::Cpu => "cpu",
            Sort::Memory => "memory",
            Sort::Uptime => "uptime",
            Sort::Restarts => "restarts",
        }
    }

    /// The next one, of those that there is anything to order by.
    pub fn next(self, abilities: Abilities) -> Self {
        match self {
            Sort::Name => Sort::State,
            Sort::State if abilities.usage.is_there() => Sort::Cpu,
            Sort::Cpu => Sort::Memory,
            Sort::State | Sort::Memory => Sort::Uptime,
            Sort::Uptime => Sort::Restarts,
            Sort::Restarts => Sort::Name,
        }
    }

    /// Whether what every process uses has to be known, shown or not.
    pub fn needs_usage(self) -> bool {
        matches!(self, Sort::Cpu | Sort::Memory)
    }

    fn compare(self, one: &Row, other: &Row) -> Ordering {
        let memory = |row: &Row| row.usage.map_or(0, |usage| usage.memory);
        let cpu = |row: &Row| row.cpu.unwrap_or(-1.0);
        match self {
            Sort::Name => Ordering::Equal,
            Sort::State => trouble(one).cmp(&trouble(other)),
            Sort::Cpu => cpu(other).total_cmp(&cpu(one)),
            Sort::Memory => memory(other).cmp(&memory(one)),
            // Without a process it comes last.
            Sort::Uptime => {
                other.began.unwrap_or(f64::NEG_INFINITY).total_cmp(&one.began.unwrap_or(f64::NEG_INFINITY))
            }
            Sort::Restarts => other.starts.cmp(&one.starts),
        }
    }
}

/// How much a state is to be looked at: the least number first.
fn trouble(row: &Row) -> u8 {
    match StateName::parse(&row.state) {
        Some(StateName::Failed) => 0,
        Some(StateName::Backoff) => 1,
        None => 2,
        Some(StateName::Stopping) => 3,
        Some(StateName::Starting) => 4,
        Some(StateName::Waiting) => 5,
        Some(StateName::Exited) if row.is_held() => 5,
        Some(StateName::Running) => 6,
        Some(StateName::Exited) => 7,
        Some(StateName::New) => 8,
    }
}

/// Those whose name, or state, has this text in it, in order.
pub fn shown<'a>(model: &'a Model, sort: Sort, filter: &str) -> Vec<(&'a Id, &'a Row)> {
    let filter = filter.to_lowercase();
    let admits = |(id, row): &(&Id, &Row)| {
        filter.is_empty() || row.state.contains(&filter) || id.name().to_lowercase().contains(&filter)
    };
    let mut shown: Vec<_> = model.rows.iter().filter(admits).collect();
    // Stable: those that are alike stay in the order of their names.
    order::sort_by(&mut shown, |(_, one), (_, other)| sort.compare(one, other));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn model() -> Model {
        let row = |name: &str, number: u32, state: &str, pid: u32, uptime: f64, starts: u32, memory: u64| {
            format!(
                r#"{{"program":"{name}","instance":{number},"state":"{state}","pid":{pid},"duration":{uptime},
                "start_count":{starts},"cpu_user":{starts},"cpu_system":0,"memory":{memory}}}"#
            )
        };
        let rows = [
            row("web", 10, "running", 1, 50.0, 1, 10),
            row("web", 2, "running", 2, 5.0, 7, 30),
            row("DB", 0, "backoff", 0, 0.0, 9, 0),
            row("cron", 0, "exited", 0, 0.0, 1, 0),
        ];
        let mut model = Model::default();
        model.take_all(&json::parse(&format!(r#"{{"instances":[{}]}}"#, rows.join(","))).unwrap(), 100.0);
        model
    }

    fn names(sort: Sort, filter: &str) -> String {
        let model = model();
        let names: Vec<String> = shown(&model, sort, filter).iter().map(|(id, _)| id.name()).collect();
        names.join(" ")
    }

    #[test]
    fn each_order_has_its_first() {
        assert_eq!(names(Sort::Name, ""), "DB/0 cron/0 web/2 web/10");
        assert_eq!(names(Sort::State, ""), "DB/0 web/2 web/10 cron/0");
        assert_eq!(names(Sort::Memory, ""), "web/2 web/10 DB/0 cron/0");
        assert_eq!(names(Sort::Uptime, ""), "web/2 web/10 DB/0 cron/0");
        assert_eq!(names(Sort::Restarts, ""), "DB/0 web/2 cron/0 web/10");
        let mut model = model();
        model.rows.values_mut().zip([1.0, 3.0, 2.0]).for_each(|(row, cpu)| row.cpu = Some(cpu));
        let by_cpu = shown(&model, Sort::Cpu, "");
        assert_eq!(by_cpu[0].0.name(), "cron/0");
        assert_eq!(by_cpu[3].0.name(), "web/10", "what is not known comes last");
    }

    #[test]
    fn a_filter_is_a_part_of_a_name_or_of_a_state() {
        assert_eq!(names(Sort::Name, "WEB"), "web/2 web/10");
        assert_eq!(names(Sort::Name, "b/0"), "DB/0");
        assert_eq!(names(Sort::Name, "backoff"), "DB/0");
        assert_eq!(names(Sort::Name, "nothing"), "");
    }

    #[test]
    fn the_cycle_leaves_out_what_is_not_known() {
        use super::super::abilities::Ability;
        let cycle = |abilities| {
            let mut all = vec![Sort::Name];
            while let Some(next) =
                all.last().map(|sort| sort.next(abilities)).filter(|next| *next != Sort::Name)
            {
                all.push(next);
            }
            all
        };
        let all = Abilities { usage: Ability::There, ..Abilities::default() };
        assert_eq!(
            cycle(all),
            [Sort::Name, Sort::State, Sort::Cpu, Sort::Memory, Sort::Uptime, Sort::Restarts]
        );
        assert_eq!(cycle(Abilities::default()), [Sort::Name, Sort::State, Sort::Uptime, Sort::Restarts]);
    }
}
