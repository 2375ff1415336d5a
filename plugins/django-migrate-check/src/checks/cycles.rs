use crate::finding::{Code, Finding};
use crate::graph::MigrationGraph;

/// Migrations that wait for each other.
pub(super) fn check(graph: &MigrationGraph<'_>) -> Vec<Finding> {
    let circles = graph.circles();
    let finding = |circle: &Vec<_>| {
        let first = *circle.first()?;
        let mut titles: Vec<String> = circle.iter().map(|id| graph.title(*id)).collect();
        titles.push(graph.title(first));
        let way = titles.join(" -> ");
        let parent = circle.get(1).copied().unwrap_or(first);
        let edge = graph.edge(first, parent);
        let at = edge.map_or(first, |edge| edge.stated_by);
        let migration = graph.node(at).migration?;
        let line = edge.map_or(migration.line, |edge| edge.line);
        let finding = Finding::new(
            Code::Cycle,
            format!("migrations depend on each other in a circle: {way}"),
        );
        let help = "take one of these dependencies out; two models that point to each other need a third migration that adds \
                    the second relation";
        Some(finding.at(migration.path.clone(), Some(line)).help(help))
    };
    circles.iter().filter_map(finding).collect()
}
