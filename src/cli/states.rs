//! `states`: the transition table as people and Graphviz read it. Nothing is written down here: every edge is found
//! by asking the table itself, for every state that an instance can be in, and every input there is.

use super::exit::{Exit, Failure, say};
use super::render::style::{Look, Style, of_state};
use super::render::text;
use super::values::Notation;
use crate::core::instance::{Change, Instance};
use crate::core::moment::Moment;
use crate::core::state::{AdminState, HealthyWhen, Input, State, StateName, Verdict};
use crate::core::table::{Requirements, Terms, step};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

const HEALTHY: [HealthyWhen; 3] = [HealthyWhen::Lasted, HealthyWhen::Notified, HealthyWhen::Executed];

/// An edge, by the names of the states at its ends.
type Ends = (StateName, StateName);

/// What leads along an edge: inputs in the order of [`inputs`], each with the cases in which it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Causes {
    causes: Vec<(&'static str, Vec<&'static str>)>,
    /// Whether all of them are commands of an operator.
    by_command_alone: bool,
}

/// An input under the name by which people know it.
struct Named {
    input: Input,
    name: &'static str,
    /// Which case of it, where the table tells several apart.
    case: Option<&'static str>,
    is_command: bool,
}

/// Prints the table.
///
/// # Errors
/// Standard output cannot be written to.
pub fn states(notation: Notation) -> Result<Exit, Failure> {
    say(&match notation {
        Notation::Dot => graph(&edges()),
        Notation::Table => table(&edges(), Look::of_stdout()),
    })?;
    Ok(Exit::Done)
}

/// All inputs: first those of an operator, under the names of their commands.
fn inputs() -> Vec<Named> {
    let named = |input: Input, case, is_command| Named { input, name: input.as_str(), case, is_command };
    let mut inputs: Vec<Named> =
        [Input::Up, Input::Once, Input::Restart, Input::Down, Input::Kill, Input::Reset, Input::Remove]
            .map(|input| named(input, None, true))
            .into();
    inputs.extend(StateName::ALL.map(|state| named(Input::To(state), Some(state.as_str()), true)));
    inputs.push(named(Input::Spawned, None, false));
    for with in
        [Input::SpawnFailed as fn(Verdict) -> Input, Input::Exited, Input::StartTimeout, Input::Unhealthy]
    {
        inputs.extend(Verdict::ALL.map(|verdict| named(with(verdict), Some(verdict.as_str()), false)));
    }
    inputs.extend(
        [
            Input::Ready,
            Input::Healthy,
            Input::Settled,
            Input::StopTimeout,
            Input::Retry,
            Input::RequirementsMet,
            Input::RequirementsLost,
        ]
        .map(|input| named(input, None, false)),
    );
    inputs
}

/// All edges. What counts as one is decided where instances are: a change of the name of the state, and a delay that
/// begins anew.
fn edges() -> BTreeMap<Ends, Causes> {
    let mut edges: BTreeMap<Ends, Causes> = BTreeMap::new();
    let inputs = inputs();
    let reachable = reachable(&inputs);
    for named in &inputs {
        for (state, admin) in reachable.iter().copied() {
            for ends in all_terms().filter_map(|terms| follow(state, admin, named.input, terms)) {
                edges
                    .entry(ends)
                    .or_insert_with(|| Causes { causes: Vec::new(), by_command_alone: true })
                    .add(named);
            }
        }
    }
    edges
}

/// All states, each with the admin states under which an instance can be in it: whatever leads from a new one to
/// somewhere.
fn reachable(inputs: &[Named]) -> Vec<(State, AdminState)> {
    let mut found = vec![(State::New, AdminState::Down)];
    let mut next = 0;
    while let Some((state, admin)) = found.get(next).copied() {
        next += 1;
        for (named, terms) in inputs.iter().flat_map(|named| all_terms().map(move |terms| (named, terms))) {
            let step = step(state, admin, named.input, terms);
            if !found.contains(&(step.state, step.admin)) {
                found.push((step.state, step.admin));
            }
        }
    }
    found
}

fn all_terms() -> impl Iterator<Item = Terms> {
    let requirements = [Requirements::Met, Requirements::Missing];
    requirements.into_iter().flat_map(|requirements| HEALTHY.map(|healthy| Terms { requirements, healthy }))
}

/// The edge that an input leads along, if it does.
fn follow(state: State, admin: AdminState, input: Input, terms: Terms) -> Option<Ends> {
    let moment = Moment(Duration::ZERO);
    let mut instance = Instance::new(moment);
    (instance.state, instance.admin) = (state, admin);
    match instance.apply(step(state, admin, input, terms), moment) {
        Change::Edge { from } => Some((from, instance.state.name())),
        Change::Nothing | Change::Admin { .. } => None,
    }
}

impl Causes {
    fn add(&mut self, named: &Named) {
        self.by_command_alone &= named.is_command;
        let at = self.causes.iter().position(|(name, _)| *name == named.name);
        let at = at.unwrap_or_else(|| {
            self.causes.push((named.name, Vec::new()));
            self.causes.len() - 1
        });
        let Some((_, cases)) = self.causes.get_mut(at) else { return };
        if let Some(case) = named.case.filter(|case| !cases.contains(case)) {
            cases.push(case);
        }
    }

    /// `start, transition starting|running, exit (flap)`.
    fn words(&self) -> Vec<String> {
        let word = |(name, cases): &(&str, Vec<&str>)| match (*name, cases.as_slice()) {
            (name, []) => name.to_string(),
            ("transition", cases) => format!("transition {}", cases.join("|")),
            // Whatever the policy says.
            (name, cases) if cases.len() == Verdict::ALL.len() => name.to_string(),
            (name, cases) => format!("{name} ({})", cases.join(", ")),
        };
        self.causes.iter().map(word).collect()
    }
}

/// The edges in lines, and what the words mean.
fn table(edges: &BTreeMap<Ends, Causes>, look: Look) -> String {
    const INDENT: usize = 20;
    const LEGEND: &str = "\
transition          from any state to any state, over stopping if there is a process
executed            its program was executed; not executed: that failed
exit                its process ended; in brackets: only when the restart policy says so
ready, healthy      it said so, or has lived through minimum_run_duration
start timeout       it did not say so in time
unhealthy           its check failed, its memory grew too large, or it did not say in time that it still works
retry               a delay is over: restart_delay, or the one after a flap
from stopping       what was asked for decides where its exit leads";
    let mut page = look.paint("FROM      TO        ON", Style::Strong) + "\n";
    let mut previous = None;
    for ((from, to), causes) in edges {
        if previous.is_some_and(|previous| previous != from) {
            page.push('\n');
        }
        previous = Some(from);
        let words = causes.words().join(", ");
        let lines = match look.width {
            Some(width) => text::wrap(&words, width.saturating_sub(INDENT).max(INDENT)),
            None => vec![words],
        };
        let state = |state: &StateName| {
            let padding = " ".repeat(10_usize.saturating_sub(state.as_str().len()));
            look.paint(state.as_str(), of_state(state.as_str())) + &padding
        };
        // Writing into a string cannot fail.
        let _ = writeln!(page, "{}{}{}", state(from), state(to), lines.join(&format!("\n{:INDENT$}", "")));
    }
    let _ = writeln!(page, "\n{LEGEND}");
    page
}

/// The edges in Graphviz's language. States with a process are filled; what only commands lead to is dashed.
fn graph(edges: &BTreeMap<Ends, Causes>) -> String {
    let mut graph =
        "digraph procnanny {\n  node [shape=box, style=rounded];\n  edge [fontsize=10];\n".to_string();
    for state in StateName::ALL.into_iter().filter(|state| state.has_process()) {
        let _ = writeln!(graph, "  {} [style=\"rounded,filled\", fillcolor=lightgrey];", state.as_str());
    }
    for ((from, to), causes) in edges {
        let style = if causes.by_command_alone { ", style=dashed" } else { "" };
        let label = causes.words().join("\\n");
        let _ = writeln!(graph, "  {} -> {} [label=\"{label}\"{style}];", from.as_str(), to.as_str());
    }
    graph.push_str("}\n");
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_are_those_of_the_table() {
        let edges = edges();
        let words =
            |from, to| edges.get(&(from, to)).map(|causes| causes.words().join(", ")).unwrap_or_default();
        assert!(words(StateName::Starting, StateName::Running).contains("healthy"));
        assert!(words(StateName::Starting, StateName::Backoff).contains("exit (flapping)"));
        assert!(
            words(StateName::Running, StateName::Exited).contains("exit,")
                || words(StateName::Running, StateName::Exited).ends_with("exit")
        );
        assert!(words(StateName::Exited, StateName::Starting).contains("retry"));
        assert_eq!(words(StateName::Backoff, StateName::Backoff), "transition backoff");
        assert_eq!(words(StateName::New, StateName::Running), "", "nothing runs before it has started");
        assert_eq!(words(StateName::Running, StateName::Stopping).split(", ").next(), Some("restart"));
    }

    #[test]
    fn every_state_and_every_input_has_a_place() {
        let edges = edges();
        for state in StateName::ALL {
            assert!(edges.keys().any(|(from, _)| *from == state), "{state:?} can be left");
            assert!(edges.keys().any(|(_, to)| *to == state), "{state:?} can be reached");
        }
        // These change no state: one forgives, the other kills.
        let without_edge = ["settled", "stop timeout"];
        for named in inputs() {
            let leads =
                edges.values().any(|causes| causes.causes.iter().any(|(name, _)| *name == named.name));
            assert_eq!(leads, !without_edge.contains(&named.name), "{}", named.name);
        }
    }

    #[test]
    fn both_forms_name_every_edge() {
        let edges = edges();
        let text = table(&edges, Look::PLAIN);
        assert!(text.starts_with("FROM      TO        ON\nnew       waiting   "), "{text}");
        let wrapped = table(&edges, Look { width: Some(60), ..Look::PLAIN });
        assert!(wrapped.lines().count() > text.lines().count());
        let dot = graph(&edges);
        for (from, to) in edges.keys() {
            assert!(dot.contains(&format!("  {} -> {} [label=", from.as_str(), to.as_str())));
            assert!(text.contains(&format!("{:<10}{:<10}", from.as_str(), to.as_str())));
        }
        assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    }
}
