//! `needs`: unknown stages, and circles.

use std::collections::BTreeMap;

use super::Problems;
use super::fields::listed;
use super::merge::add_entry;
use super::node::{Node, quote};
use crate::code;
use crate::{Diagnostic, Spanned, Stage, StageName, suggest};

/// More names than this in a help text are no help.
const MAX_LISTED_STAGES: usize = 12;

/// Reads one stage's `needs`. `stages` are the names of all stages as they are written, valid or not.
pub(super) fn read_needs(
    entries: &[Node<'_>],
    own: &str,
    stages: &[&str],
    problems: &mut Problems,
) -> Vec<Spanned<StageName>> {
    let mut needs = Vec::new();
    for entry in entries {
        let Some(name) = entry.text(problems) else { continue };
        if name.value == own {
            let problem = Diagnostic::error(code::NEEDS_ITSELF, format!("the stage `{own}` needs itself"));
            problems.push(
                problem
                    .at(&name.span, "this is the stage itself")
                    .help("remove it from `needs`"),
            );
        } else if !stages.contains(&name.as_str()) {
            problems.push(unknown_stage(&name, own, stages));
        } else if let Ok(valid) = name.parse() {
            // An invalid name is reported where the stage is.
            add_entry(&mut needs, Some(Spanned::new(valid, name.span)), problems);
        }
    }
    needs
}

fn unknown_stage(name: &Spanned<String>, own: &str, stages: &[&str]) -> Diagnostic {
    let others: Vec<_> = stages.iter().copied().filter(|stage| *stage != own).collect();
    let problem = Diagnostic::error(code::UNKNOWN_STAGE, format!("there is no stage {}", quote(&name.value)));
    match suggest(name, others.iter().copied()) {
        Some(meant) => problem.at(&name.span, format!("did you mean `{meant}`?")),
        None if others.is_empty() => problem
            .at(&name.span, "unknown stage")
            .help("the manifest has no other stage"),
        None if others.len() > MAX_LISTED_STAGES => problem.at(&name.span, "unknown stage"),
        None => problem
            .at(&name.span, "unknown stage")
            .help(format!("other stages: {}", listed(&others))),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// Reports every circle that a walk in written order closes, each once.
pub(super) fn check_cycles(stages: &[Stage], problems: &mut Problems) {
    let index: BTreeMap<_, _> = stages
        .iter()
        .enumerate()
        .map(|(at, stage)| (&stage.name.value, at))
        .collect();
    let mut marks = vec![Mark::New; stages.len()];
    for start in 0..stages.len() {
        // Not recursive: the depth is up to whoever wrote the manifest. Each entry: a stage, and which need comes next.
        let mut path = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::OnPath;
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let Some(need) = stages[*at].needs.get(*next) else {
                marks[*at] = Mark::Done;
                path.pop();
                continue;
            };
            *next += 1;
            let Some(&to) = index.get(&need.value) else { continue };
            match marks[to] {
                Mark::New => {
                    marks[to] = Mark::OnPath;
                    path.push((to, 0));
                }
                Mark::OnPath => {
                    let first = path.iter().position(|(at, _)| *at == to).unwrap_or_default();
                    problems.push(cycle(stages, &path[first..]));
                }
                Mark::Done => {}
            }
        }
    }
}

/// `path`: the circle's stages, each with the number of its need after the one that leads on.
fn cycle(stages: &[Stage], path: &[(usize, usize)]) -> Diagnostic {
    let mut edges: Vec<_> = path
        .iter()
        .map(|(at, next)| (&stages[*at].name, &stages[*at].needs[next - 1]))
        .collect();
    let first = (0..edges.len())
        .min_by_key(|edge| edges[*edge].0.span.start)
        .unwrap_or_default();
    edges.rotate_left(first);
    let mut names: Vec<_> = edges.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(names.first().copied());
    let mut problem = Diagnostic::error(code::CYCLE, format!("stages need each other: {}", names.join(" -> ")));
    for (position, (name, need)) in edges.iter().enumerate() {
        let label = format!("`{}` needs `{}`", name.value, need.value);
        problem = match position {
            0 => problem.at(&need.span, label),
            _ => problem.also(&need.span, label),
        };
    }
    problem.help("remove one of these needs, or split a stage in two")
}

#[cfg(test)]
mod tests {
    use crate::{Source, parse};

    fn messages(needs: &[(&str, &[&str])]) -> Vec<String> {
        let mut text = String::new();
        for (stage, needs) in needs {
            text += &format!("[stages.{stage}]\nuses = \"x\"\nneeds = {needs:?}\n");
        }
        let problems = parse(&Source::new("t", text)).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn names_the_whole_circle_from_its_first_stage() {
        let found = messages(&[("a", &["b"]), ("b", &["c"]), ("c", &["d", "a"]), ("d", &[])]);
        assert_eq!(found, ["stages need each other: a -> b -> c -> a"]);
        let found = messages(&[("in", &["z"]), ("y", &["z"]), ("z", &["y"])]);
        assert_eq!(found, ["stages need each other: y -> z -> y"]);
    }

    #[test]
    fn two_circles_are_two_errors_and_a_diamond_is_none() {
        let found = messages(&[("a", &["b"]), ("b", &["a"]), ("c", &["d"]), ("d", &["c"])]);
        assert_eq!(found.len(), 2);
        assert!(messages(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])]).is_empty());
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let names: Vec<_> = (0..900).map(|n| format!("s{n}")).collect();
        let mut text = String::new();
        for (at, name) in names.iter().enumerate() {
            let need = &names[(at + 1) % names.len()];
            text += &format!("[stages.{name}]\nuses = \"x\"\nneeds = [\"{need}\"]\n");
        }
        let problems = parse(&Source::new("t", text)).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].related.len(), 899);
    }
}
