//! Which stages of a pipeline run.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_manifest::{Diagnostic, Manifest, Stage, StageName, suggest};

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Empty: all of them.
    pub stages: Vec<String>,
    /// Leave out what the named stages need.
    pub no_needs: bool,
    pub skip: Vec<String>,
}

impl Selection {
    /// The stages that are left out, and why. A stage that needs a skipped one still runs, after what the skipped one needs:
    /// it was the user who said that the skipped one is not needed now.
    pub(super) fn left_out(&self, manifest: &Manifest) -> Result<BTreeMap<StageName, String>, Vec<Diagnostic>> {
        let mistakes: Vec<_> = self
            .stages
            .iter()
            .chain(&self.skip)
            .filter_map(|name| unknown_stage(name, manifest))
            .collect();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        if let Some(name) = self.stages.iter().find(|name| self.skip.contains(*name)) {
            let message = format!("the stage `{name}` is both asked for and skipped");
            let mistake = Diagnostic::error("usage/nothing-to-run", message);
            return Err(vec![mistake.help("name it once: as a stage to run, or after --skip")]);
        }
        let chosen = self.chosen(manifest);
        let mut left_out = BTreeMap::new();
        for stage in &manifest.stages {
            let name = stage.name.value.clone();
            if self.skip.iter().any(|skip| skip == name.as_str()) {
                left_out.insert(name, "left out by --skip".to_owned());
            } else if !chosen.contains(name.as_str()) {
                left_out.insert(name, "not asked for".to_owned());
            }
        }
        // A manifest without stages is a mistake of its own.
        if left_out.len() == manifest.stages.len() && !manifest.stages.is_empty() {
            let mistake = Diagnostic::error("usage/nothing-to-run", "every stage is left out, so nothing would run");
            return Err(vec![mistake.help("name other stages, or drop --skip")]);
        }
        Ok(left_out)
    }

    fn chosen(&self, manifest: &Manifest) -> BTreeSet<String> {
        if self.stages.is_empty() {
            return manifest.stages.iter().map(|stage| stage.name.to_string()).collect();
        }
        let mut chosen = BTreeSet::new();
        let mut pending = self.stages.clone();
        while let Some(name) = pending.pop() {
            if chosen.insert(name.clone()) && !self.no_needs {
                let stage = manifest.stages.iter().find(|stage| stage.name.as_str() == name);
                pending.extend(
                    stage
                        .into_iter()
                        .flat_map(|stage| &stage.needs)
                        .map(|need| need.to_string()),
                );
            }
        }
        chosen
    }
}

/// What `stage` waits for when the stages of `left_out` don't run: in the place of each of them, what it needs itself.
pub(super) fn needs_without(
    stage: &Stage,
    manifest: &Manifest,
    left_out: &BTreeMap<StageName, String>,
) -> Vec<StageName> {
    let mut needs = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut pending: Vec<&StageName> = stage.needs.iter().map(|need| &need.value).collect();
    while let Some(need) = pending.pop() {
        if !left_out.contains_key(need) {
            needs.insert(need.clone());
        } else if seen.insert(need) {
            let skipped = manifest.stages.iter().find(|other| other.name.value == *need);
            pending.extend(
                skipped
                    .into_iter()
                    .flat_map(|stage| &stage.needs)
                    .map(|need| &need.value),
            );
        }
    }
    // As they are written, so that a plan reads like its manifest.
    let order = manifest.stages.iter().map(|stage| &stage.name.value);
    order.filter(|name| needs.contains(*name)).cloned().collect()
}

fn unknown_stage(name: &str, manifest: &Manifest) -> Option<Diagnostic> {
    let names = || manifest.stages.iter().map(|stage| stage.name.as_str());
    if names().any(|known| known == name) {
        return None;
    }
    let mistake = Diagnostic::error("usage/unknown-stage", format!("there is no stage `{name}`"));
    let mistake = match suggest(name, names()) {
        Some(similar) => mistake.help(format!("did you mean `{similar}`?")),
        None => mistake,
    };
    Some(mistake.help(format!("the stages are {}", names().collect::<Vec<_>>().join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let text = "[stages.a]\nuses = \"x\"\n[stages.b]\nuses = \"x\"\nneeds = [\"a\"]\n[stages.c]\nuses = \"x\"\nneeds = [\"b\"]\n";
        tidegate_manifest::parse(&tidegate_manifest::Source::new("t", text))
            .unwrap()
            .manifest
    }

    fn running(selection: &Selection) -> Vec<String> {
        let manifest = manifest();
        let left_out = selection.left_out(&manifest).unwrap();
        let names = manifest.stages.iter().map(|stage| stage.name.value.clone());
        names
            .filter(|name| !left_out.contains_key(name))
            .map(String::from)
            .collect()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_named_stage_brings_what_it_needs() {
        let stages = names(&["b"]);
        assert_eq!(running(&Selection::default()), ["a", "b", "c"]);
        assert_eq!(
            running(&Selection {
                stages: stages.clone(),
                ..Selection::default()
            }),
            ["a", "b"]
        );
        assert_eq!(
            running(&Selection {
                stages,
                no_needs: true,
                ..Selection::default()
            }),
            ["b"]
        );
    }

    #[test]
    fn skipping() {
        assert_eq!(
            running(&Selection {
                skip: names(&["b"]),
                ..Selection::default()
            }),
            ["a", "c"]
        );
        let selection = Selection {
            stages: names(&["c"]),
            skip: names(&["b"]),
            ..Selection::default()
        };
        assert_eq!(running(&selection), ["a", "c"]);
    }

    #[test]
    fn a_skipped_stage_leaves_the_order_of_the_others() {
        let manifest = manifest();
        let skip_b = Selection {
            skip: names(&["b"]),
            ..Selection::default()
        };
        let left_out = skip_b.left_out(&manifest).unwrap();
        let waits_for = |index: usize| needs_without(&manifest.stages[index], &manifest, &left_out);
        assert_eq!(waits_for(2), ["a".parse().unwrap()]);
        assert_eq!(waits_for(0), []);
    }

    #[test]
    fn a_run_of_nothing_is_a_mistake() {
        let selection = Selection {
            stages: names(&["a"]),
            skip: names(&["a"]),
            ..Selection::default()
        };
        assert_eq!(
            selection.left_out(&manifest()).unwrap_err()[0].code,
            "usage/nothing-to-run"
        );
    }

    #[test]
    fn unknown_names_are_all_told() {
        let selection = Selection {
            stages: names(&["d"]),
            skip: names(&["e"]),
            ..Selection::default()
        };
        assert_eq!(selection.left_out(&manifest()).unwrap_err().len(), 2);
    }
}
