//! Hooks: commands that are run when something happens to an instance, and which of them an event concerns.
//!
//! What can happen is a set of few members, so that the question whether anybody waits for an edge is one intersection
//! for a whole program. Which hooks a program has is worked out when it or they change, never when something happens.

use super::program::ProcessSettings;
use super::state::StateName;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A command that is run when something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `on`: when it is run; at least one pattern.
    pub on: Vec<Pattern>,
    /// `program`: a glob for the programs that it is for. The hooks of a program have `*`: they see no other one.
    pub program: String,
    /// `command`, `args` and `user`; the rest is as a program without settings has it.
    pub process: ProcessSettings,
    /// `timeout`: how long it may take before it is killed.
    pub timeout: Duration,
    /// `concurrency`: for how many instances it may run at the same time; at least 1.
    pub concurrency: u32,
}

/// What a hook waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// An edge; `None` stands for any state.
    Edge {
        /// The state before.
        from: Option<StateName>,
        /// The state after.
        to: Option<StateName>,
    },
    /// An instance begins to flap: `flap_count` has come to be above `flap_max`.
    Flapping,
    /// An instance is given up on, by its health check, its memory or its watchdog.
    Unhealthy,
    /// Output of an instance was dropped.
    LogDropped,
}

/// A hook, as events refer to it. Not used twice, so that what waits for one that is gone is never run for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookId(pub u32);

/// A set of things that can happen: each of the edges, and what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Occasions(u128);

/// A hook as a program has it.
#[derive(Clone, Debug)]
pub struct BoundHook {
    /// Its id, which a general hook has in all programs that it is for.
    pub id: HookId,
    /// What it is.
    pub hook: Arc<Hook>,
    on: Occasions,
}

/// The hooks of a program: its own, and the general ones that are for it. At least one.
#[derive(Clone, Debug)]
pub struct ProgramHooks {
    hooks: Vec<BoundHook>,
    any: Occasions,
}

/// The words for what is no edge.
const SIGNS: [(&str, Pattern); 3] = [
    ("flapping", Pattern::Flapping),
    ("unhealthy", Pattern::Unhealthy),
    ("log_dropped", Pattern::LogDropped),
];

const STATES: u32 = 8;

impl Occasions {
    /// An instance begins to flap.
    pub const FLAPPING: Self = Self(1 << (STATES * STATES));
    /// An instance is given up on.
    pub const UNHEALTHY: Self = Self(1 << (STATES * STATES + 1));
    /// Output of an instance was dropped.
    pub const LOG_DROPPED: Self = Self(1 << (STATES * STATES + 2));

    /// This edge.
    pub fn edge(from: StateName, to: StateName) -> Self {
        Self(1 << (from as u32 * STATES + to as u32))
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether anything is in both.
    pub fn overlap(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Pattern {
    /// Reads `FROM->TO`, where `*` stands for any state; or a state, for any edge that leads to it; or `flapping`,
    /// `unhealthy`,
    /// `log_dropped`.
    ///
    /// # Errors
    /// The word that is no state.
    pub fn parse(text: &str) -> Result<Self, &str> {
        let end = |word: &str| match word {
            "*" => Some(None),
            word => StateName::parse(word).map(Some),
        };
        let Some((from, to)) = text.split_once("->") else {
            let word = text.trim();
            let sign = SIGNS.iter().find(|(sign, _)| *sign == word).map(|(_, pattern)| *pattern);
            let state = || StateName::parse(word).map(|state| Pattern::Edge { from: None, to: Some(state) });
            return sign.or_else(state).ok_or(word);
        };
        let (from, to) = (from.trim(), to.trim());
        Ok(Pattern::Edge { from: end(from).ok_or(from)?, to: end(to).ok_or(to)? })
    }

    /// All words that a pattern is made of.
    pub fn words() -> impl Iterator<Item = &'static str> {
        StateName::ALL.into_iter().map(StateName::as_str).chain(SIGNS.into_iter().map(|(word, _)| word))
    }

    /// What it waits for.
    pub fn occasions(self) -> Occasions {
        let (from, to) = match self {
            Pattern::Flapping => return Occasions::FLAPPING,
            Pattern::Unhealthy => return Occasions::UNHEALTHY,
            Pattern::LogDropped => return Occasions::LOG_DROPPED,
            Pattern::Edge { from, to } => (from, to),
        };
        let is = |wanted: Option<StateName>, state| wanted.is_none_or(|wanted| wanted == state);
        let edges = StateName::ALL.into_iter().filter(|state| is(from, *state)).flat_map(|from| {
            StateName::ALL.into_iter().filter(|state| is(to, *state)).map(move |to| (from, to))
        });
        edges.fold(Occasions::default(), |all, (from, to)| all.or(Occasions::edge(from, to)))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |state: &Option<StateName>| state.map_or("*", StateName::as_str);
        match self {
            Pattern::Edge { from, to } => write!(f, "{}->{}", word(from), word(to)),
            sign => {
                f.write_str(SIGNS.iter().find(|(_, pattern)| pattern == sign).map_or("", |(word, _)| word))
            }
        }
    }
}

impl BoundHook {
    /// A hook under an id that no other one has.
    pub fn new(id: HookId, hook: Arc<Hook>) -> Self {
        let on = hook.on.iter().fold(Occasions::default(), |all, pattern| all.or(pattern.occasions()));
        Self { id, hook, on }
    }
}

impl ProgramHooks {
    /// These hooks; `None` if there is none, so that a program without costs nothing.
    pub fn new(hooks: Vec<BoundHook>) -> Option<Box<Self>> {
        let any = hooks.iter().fold(Occasions::default(), |all, hook| all.or(hook.on));
        (!hooks.is_empty()).then(|| Box::new(Self { hooks, any }))
    }

    /// Those that wait for anything of what has happened, each with the first of its patterns that does.
    pub fn matching(&self, happened: Occasions) -> impl Iterator<Item = (&BoundHook, Pattern)> {
        let hooks: &[BoundHook] = if self.any.overlap(happened) { &self.hooks } else { &[] };
        hooks.iter().filter(move |hook| hook.on.overlap(happened)).filter_map(move |hook| {
            let pattern = hook.hook.on.iter().find(|pattern| pattern.occasions().overlap(happened))?;
            Some((hook, *pattern))
        })
    }

    /// All of them.
    pub fn into_hooks(self) -> Vec<BoundHook> {
        self.hooks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn hook(id: u32, on: &[&str]) -> BoundHook {
        let hook = Hook {
            on: on.iter().map(|text| pattern(text)).collect(),
            program: "*".to_string(),
            process: ProcessSettings::default(),
            timeout: Duration::from_secs(10),
            concurrency: 4,
        };
        BoundHook::new(HookId(id), Arc::new(hook))
    }

    #[test]
    fn patterns_are_read_and_shown() {
        for (given, shown) in [
            ("running->exited", "running->exited"),
            ("*->backoff", "*->backoff"),
            ("starting->*", "starting->*"),
            ("*->*", "*->*"),
            ("failed", "*->failed"),
            (" running -> stopping ", "running->stopping"),
            ("flapping", "flapping"),
            ("unhealthy", "unhealthy"),
            ("log_dropped", "log_dropped"),
        ] {
            assert_eq!(pattern(given).to_string(), shown);
            assert_eq!(pattern(shown), pattern(given));
        }
        for (wrong, word) in [
            ("runing->exited", "runing"),
            ("running->exit", "exit"),
            ("", ""),
            ("->exited", ""),
            ("*", "*"),
            ("a->b->c", "a"),
            ("running->exited->new", "exited->new"),
            ("flapping->new", "flapping"),
        ] {
            assert_eq!(Pattern::parse(wrong), Err(word), "{wrong}");
        }
    }

    #[test]
    fn every_edge_is_an_occasion_of_its_own() {
        let edges =
            || StateName::ALL.into_iter().flat_map(|a| StateName::ALL.into_iter().map(move |b| (a, b)));
        for (from, to) in edges() {
            let happened = Occasions::edge(from, to);
            for (a, b) in edges() {
                assert_eq!(happened.overlap(Occasions::edge(a, b)), (a, b) == (from, to));
            }
            assert!(!happened.overlap(Occasions::FLAPPING.or(Occasions::UNHEALTHY)));
            assert!(pattern("*->*").occasions().overlap(happened));
            let (name, state) = (from.as_str(), to.as_str());
            assert!(pattern(state).occasions().overlap(happened));
            let is_one = |text: String| pattern(&text).occasions().overlap(happened);
            assert!(is_one(format!("{name}->*")) && is_one(format!("{name}->{state}")));
        }
        assert!(!Occasions::FLAPPING.overlap(Occasions::UNHEALTHY));
        assert!(!pattern("*->*").occasions().overlap(Occasions::FLAPPING.or(Occasions::UNHEALTHY)));
    }

    #[test]
    fn each_hook_matches_once_with_the_first_of_its_patterns() {
        let all = [
            hook(1, &["running->exited"]),
            hook(2, &["flapping", "*->backoff", "backoff"]),
            hook(3, &["unhealthy"]),
        ];
        let hooks = ProgramHooks::new(all.to_vec()).unwrap();
        let matching = |happened| -> Vec<(u32, String)> {
            hooks.matching(happened).map(|(hook, on)| (hook.id.0, on.to_string())).collect()
        };
        let edge = Occasions::edge(StateName::Starting, StateName::Backoff);
        assert_eq!(matching(edge), [(2, "*->backoff".to_string())]);
        assert_eq!(matching(edge.or(Occasions::FLAPPING)), [(2, "flapping".to_string())]);
        assert_eq!(matching(Occasions::edge(StateName::New, StateName::Starting)), []);
        let exit = Occasions::edge(StateName::Running, StateName::Exited);
        assert_eq!(
            matching(exit.or(Occasions::UNHEALTHY)),
            [(1, "running->exited".to_string()), (3, "unhealthy".to_string())]
        );
        assert!(ProgramHooks::new(Vec::new()).is_none());
    }
}
