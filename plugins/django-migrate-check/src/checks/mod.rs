//! What is wrong with the graph: one rule per file.

mod conflicts;
mod cycles;
mod duplicate_numbers;
mod dynamic_parts;
mod missing_parents;

use crate::finding::Finding;
use crate::graph::MigrationGraph;
use crate::model::Project;

/// All that is wrong with a project's migrations, as far as the files tell.
#[must_use]
pub fn check(project: &Project) -> Vec<Finding> {
    let graph = MigrationGraph::build(project);
    let mut findings = missing_parents::check(&graph);
    findings.extend(conflicts::check(&graph));
    findings.extend(cycles::check(&graph));
    findings.extend(duplicate_numbers::check(project));
    findings.extend(dynamic_parts::check(project));
    findings
}
