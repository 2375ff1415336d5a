use crate::finding::{Code, Finding};
use crate::model::{OperationKind, Part, Project};

/// Parts of migrations that only show when they run: said once each, so that nobody takes them for checked.
pub(super) fn check(project: &Project) -> Vec<Finding> {
    let migrations = project.apps.iter().flat_map(|app| app.migrations.iter().map(move |migration| (app, migration)));
    let mut findings = Vec::new();
    for (app, migration) in migrations {
        let title = format!("{}.{}", app.label.text, migration.name);
        for unread in &migration.unread {
            let effect = match unread.part {
                Part::Dependencies | Part::RunBefore | Part::Replaces => "so its place in the graph is not known in full",
                Part::Operations | Part::Atomic => "so they are not known in full",
            };
            let message = format!("`{}` of {title} only shows when it runs, {effect}", unread.part.attribute());
            findings.push(Finding::new(Code::Dynamic, message).at(migration.path.clone(), Some(unread.line)));
        }
        for operation in &migration.operations {
            if let OperationKind::Unreadable(_) = operation.kind {
                let message = format!("an operation of {title} only shows when it runs");
                findings.push(Finding::new(Code::Dynamic, message).at(migration.path.clone(), Some(operation.line)));
            }
        }
    }
    findings
}
