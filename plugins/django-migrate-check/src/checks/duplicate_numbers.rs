use std::collections::BTreeMap;

use crate::finding::{Code, Finding};
use crate::model::{Migration, Project};

/// Migrations of one app with the same number. It is no fault, since names count and not numbers, but people trip over it.
pub(super) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for app in &project.apps {
        let mut by_number: BTreeMap<u32, Vec<&Migration>> = BTreeMap::new();
        // A squashed migration has the number of one that it replaces.
        let replaced: Vec<&str> = app
            .migrations
            .iter()
            .flat_map(|migration| &migration.replaces)
            .map(|old| old.name.as_str())
            .collect();
        for migration in &app.migrations {
            if migration.replaces.is_empty()
                && !replaced.contains(&migration.name.as_str())
                && let Some(number) = migration.number()
            {
                by_number.entry(number).or_default().push(migration);
            }
        }
        for (number, same) in by_number {
            if let [_, .., last] = same.as_slice() {
                let names: Vec<&str> = same.iter().map(|migration| migration.name.as_str()).collect();
                let listed = crate::listing::all_of(&names);
                let message = format!("`{}` has number {number:04} more than once: {listed}", app.label.text);
                findings.push(Finding::new(Code::DuplicateNumber, message).at(last.path.clone(), None));
            }
        }
    }
    findings
}
