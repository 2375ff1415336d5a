use ruff_python_ast::Stmt;

use super::SourceText;
use crate::model::Imports;

/// What the top-level imports of a file bind, those under `if` and `try` included.
pub(super) fn read_imports(source: &SourceText, body: &[Stmt]) -> Imports {
    let mut imports = Imports::default();
    add(&mut imports, source, body);
    imports
}

fn add(imports: &mut Imports, source: &SourceText, body: &[Stmt]) {
    for statement in body {
        let line = source.line_of(statement);
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let path = alias.name.as_str();
                    match &alias.asname {
                        Some(local) => imports.bind(local.as_str().to_owned(), path.to_owned(), line),
                        None => {
                            let head = path.split('.').next().unwrap_or(path);
                            imports.bind(head.to_owned(), head.to_owned(), line);
                        }
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                let dots = ".".repeat(import.level as usize);
                for alias in &import.names {
                    let name = alias.name.as_str();
                    if name == "*" {
                        imports.add_star();
                        continue;
                    }
                    let local = alias.asname.as_ref().unwrap_or(&alias.name).as_str().to_owned();
                    let joint = if module.is_empty() { "" } else { "." };
                    imports.bind(local, format!("{dots}{module}{joint}{name}"), line);
                }
            }
            Stmt::If(conditional) => {
                add(imports, source, &conditional.body);
                for clause in &conditional.elif_else_clauses {
                    add(imports, source, &clause.body);
                }
            }
            Stmt::Try(attempt) => {
                add(imports, source, &attempt.body);
                for ruff_python_ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    add(imports, source, &handler.body);
                }
            }
            _ => {}
        }
    }
}
