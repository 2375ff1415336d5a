use crate::finding::{Code, Finding, Severity};
use crate::graph::MigrationGraph;

/// Several migrations of one app that no other one follows: `migrate` refuses to choose.
pub(super) fn check(graph: &MigrationGraph<'_>) -> Vec<Finding> {
    let apps = graph.project().apps.iter().enumerate();
    apps.filter_map(|(index, app)| {
        let leaves = graph.leaves(index);
        let [first, others @ ..] = leaves.as_slice() else {
            return None;
        };
        if others.is_empty() {
            return None;
        }
        let names: Vec<&str> = leaves.iter().map(|leaf| graph.node(*leaf).name).collect();
        let label = &app.label.text;
        let listed = crate::listing::all_of(&names);
        // The newest is most likely the one that this change brings.
        let place = leaves.iter().rev().find_map(|leaf| graph.node(*leaf).migration);
        let (path, line) = place.map_or((app.path.clone(), None), |at| (at.path.clone(), Some(at.line)));
        let is_whole = !graph.lacks_parents(index);
        let finding = if app.is_complete() && is_whole {
            Finding::new(
                Code::Conflict,
                format!("`{label}` has {} last migrations: {listed}", names.len()),
            )
            .help(format!(
                "run `python manage.py makemigrations --merge`, or let one depend on the other: \
                 dependencies = [(\"{label}\", \"{}\")]",
                graph.node(*first).name
            ))
        } else {
            let missing = if is_whole {
                "what was not read"
            } else {
                "the one that is missing"
            };
            let message = format!(
                "`{label}` seems to have {} last migrations: {listed}; {missing} may join them",
                names.len()
            );
            Finding::new(Code::Conflict, message).severity(Severity::Warning)
        };
        Some(finding.at(path, line))
    })
    .collect()
}
