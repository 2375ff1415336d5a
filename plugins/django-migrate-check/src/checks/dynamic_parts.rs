use crate::finding::{Code, Finding};
use crate::model::{Migration, Operation, OperationKind, Part, Project};

const PARTS: [Part; 5] = [
    Part::Dependencies,
    Part::RunBefore,
    Part::Replaces,
    Part::Operations,
    Part::Atomic,
];

/// Parts of migrations that only show when they run: each said once, so that nobody takes it for checked.
pub(super) fn check(project: &Project) -> Vec<Finding> {
    let migrations = project
        .apps
        .iter()
        .flat_map(|app| app.migrations.iter().map(move |migration| (app, migration)));
    let mut findings = Vec::new();
    for (app, migration) in migrations {
        let title = format!("{}.{}", app.label.text, migration.name);
        for part in PARTS {
            let Some(line) = first_unread(migration, part) else {
                continue;
            };
            let effect = match part {
                Part::Dependencies | Part::RunBefore | Part::Replaces => {
                    "so its place in the graph is not known in full"
                }
                Part::Operations => "so they are not known in full",
                Part::Atomic => "so it counts as True",
            };
            let message = format!("`{}` of {title} only shows when it runs, {effect}", part.attribute());
            findings.push(Finding::new(Code::Dynamic, message).at(migration.path.clone(), Some(line)));
        }
    }
    findings
}

fn first_unread(migration: &Migration, part: Part) -> Option<u32> {
    let unread = migration
        .unread
        .iter()
        .filter(|unread| unread.part == part)
        .map(|unread| unread.line);
    let operations = if part == Part::Operations {
        migration.operations.as_slice()
    } else {
        &[]
    };
    let unreadable = operations
        .iter()
        .filter(|operation| is_unreadable(operation))
        .map(|operation| operation.line);
    unread.chain(unreadable).min()
}

/// True if the operation, or one inside it, only shows when it runs.
fn is_unreadable(operation: &Operation) -> bool {
    match &operation.kind {
        OperationKind::Unreadable(_) => true,
        OperationKind::SeparateDatabaseAndState { database, state } => database.iter().chain(state).any(is_unreadable),
        OperationKind::RunSql { state_operations, .. } => state_operations.iter().any(is_unreadable),
        _ => false,
    }
}
