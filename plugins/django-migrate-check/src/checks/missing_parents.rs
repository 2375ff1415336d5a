use crate::finding::{Code, Finding};
use crate::graph::{Edge, MigrationGraph};

/// A name this far from another one is no misspelling of it.
const MIN_LIKENESS: f64 = 0.6;

/// Dependencies on migrations that no file holds, in apps whose files are there.
pub(super) fn check(graph: &MigrationGraph<'_>) -> Vec<Finding> {
    let missing = |edge: &Edge| [edge.parent, edge.child].into_iter().find(|id| is_missing(graph, *id));
    let findings = graph.edges().iter().filter_map(|edge| {
        let missing = missing(edge)?;
        let stated = graph.node(edge.stated_by).migration?;
        let verb = if missing == edge.parent {
            "depends on"
        } else {
            "has to run before"
        };
        let message = format!(
            "{} {verb} {}, which does not exist",
            graph.title(edge.stated_by),
            graph.title(missing)
        );
        Some(
            Finding::new(Code::MissingParent, message)
                .at(stated.path.clone(), Some(edge.line))
                .help(help(graph, missing, edge)),
        )
    });
    findings.collect()
}

fn is_missing(graph: &MigrationGraph<'_>, id: crate::graph::NodeId) -> bool {
    let node = graph.node(id);
    !node.exists && !node.is_replaced
}

fn help(graph: &MigrationGraph<'_>, missing: crate::graph::NodeId, edge: &Edge) -> String {
    let node = graph.node(missing);
    let app = &graph.project().apps[node.app];
    let own = graph.node(edge.stated_by);
    let others = app.names().filter(|name| !(node.app == own.app && *name == own.name));
    let likeness = |name: &str| {
        let same_number = name.split('_').next() == node.name.split('_').next();
        strsim::jaro_winkler(name, node.name) + if same_number { 0.2 } else { 0.0 }
    };
    let nearest = others
        .map(|name| (likeness(name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, name)) if likeness >= MIN_LIKENESS => {
            format!(
                "did you mean (\"{}\", \"{name}\")? Else commit the file of the missing migration",
                app.label.text
            )
        }
        _ => "commit the file of the missing migration, or take the dependency out".to_owned(),
    }
}
