use ruff_python_ast::{self as ast, Expr as Ast, Stmt};
use ruff_text_size::{Ranged, TextRange};

use super::{ExprReader, OperationReader, Scope, SourceText, import_reader};
use crate::model::{Dependency, Function, Imports, Migration, Part, Replaced, Target, Unread};

/// What a file of a `migrations` folder is.
#[derive(Debug)]
pub(super) enum MigrationFile {
    Migration(Box<Migration>),
    /// The name `Migration` is bound, but not by a class of this file: imported, or made by a call.
    MadeElsewhere {
        line: u32,
    },
    /// Nothing here is called `Migration`.
    NoMigration,
}

/// Reads the class `Migration` of a parsed file.
pub(super) fn read_migration(name: &str, path: &str, source: &SourceText, body: &[Stmt]) -> MigrationFile {
    let imports = import_reader::read_imports(source, body);
    let Some(class) = find_class(body) else {
        return match made_elsewhere(source, body, &imports) {
            Some(line) => MigrationFile::MadeElsewhere { line },
            None => MigrationFile::NoMigration,
        };
    };
    let mut scope = Scope::default();
    scope.add(body);
    scope.add(&class.body);
    let exprs = ExprReader {
        source,
        imports: &imports,
    };
    let migration = Migration {
        name: name.to_owned(),
        path: path.to_owned(),
        line: source.line_of(&class.name),
        dependencies: Vec::new(),
        run_before: Vec::new(),
        replaces: Vec::new(),
        initial: None,
        atomic: true,
        operations: Vec::new(),
        functions: functions(source, body),
        constants: constants(exprs, &scope),
        imports: Imports::default(),
        unread: Vec::new(),
    };
    let mut reader = ClassReader {
        exprs,
        scope: &scope,
        migration,
    };
    for statement in &class.body {
        reader.read(statement);
    }
    reader.read_changes_from_outside(body);
    let mut migration = reader.migration;
    migration.imports = imports;
    MigrationFile::Migration(Box::new(migration))
}

struct ClassReader<'a> {
    exprs: ExprReader<'a>,
    scope: &'a Scope<'a>,
    migration: Migration,
}

impl<'a> ClassReader<'a> {
    fn read(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Ast::Name(name) = target {
                        self.assign(&name.id, &assign.value);
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                if let (Ast::Name(name), Some(value)) = (&*assign.target, &assign.value) {
                    self.assign(&name.id, value);
                }
            }
            Stmt::AugAssign(assign) => {
                if let (Ast::Name(name), ast::Operator::Add) = (&*assign.target, assign.op) {
                    self.extend(&name.id, &assign.value);
                }
            }
            // `if`, `for`, `try` in the class, and calls such as `operations.append(…)`.
            other => self.note_changes(other, ""),
        }
    }

    /// Statements of the module that reach into the class: `Migration.dependencies.append(…)`.
    fn read_changes_from_outside(&mut self, body: &'a [Stmt]) {
        for statement in body {
            if !matches!(
                statement,
                Stmt::ClassDef(_) | Stmt::FunctionDef(_) | Stmt::Import(_) | Stmt::ImportFrom(_)
            ) {
                self.note_changes(statement, "Migration.");
            }
        }
    }

    fn note_changes(&mut self, statement: &'a Stmt, prefix: &str) {
        let is_quiet = match statement {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) | Stmt::Pass(_) => true,
            Stmt::Expr(expression) => expression.value.is_string_literal_expr(),
            _ => false,
        };
        if is_quiet {
            return;
        }
        let text = self.exprs.source.slice(statement.range());
        for part in [Part::Dependencies, Part::RunBefore, Part::Replaces, Part::Operations] {
            if text.contains(&format!("{prefix}{}", part.attribute())) {
                self.unread(part, statement.range());
            }
        }
    }

    fn assign(&mut self, name: &str, value: &'a Ast) {
        match name {
            "dependencies" => self.migration.dependencies.clear(),
            "run_before" => self.migration.run_before.clear(),
            "replaces" => self.migration.replaces.clear(),
            "operations" => self.migration.operations.clear(),
            "initial" => self.migration.initial = self.exprs.read(self.scope.resolve(value)).as_bool(),
            "atomic" => match self.exprs.read(self.scope.resolve(value)).as_bool() {
                Some(atomic) => self.migration.atomic = atomic,
                None => self.unread(Part::Atomic, value.range()),
            },
            _ => {}
        }
        self.extend(name, value);
    }

    fn extend(&mut self, name: &str, value: &'a Ast) {
        let part = match name {
            "dependencies" => Part::Dependencies,
            "run_before" => Part::RunBefore,
            "replaces" => Part::Replaces,
            "operations" => Part::Operations,
            _ => return,
        };
        let members = self.scope.members(value);
        for member in members.known {
            self.add(part, member);
        }
        for unknown in members.unknown {
            self.unread(part, unknown.range());
        }
    }

    fn add(&mut self, part: Part, member: &'a Ast) {
        let line = self.exprs.source.line_of(member);
        match part {
            Part::Operations => {
                let reader = OperationReader {
                    exprs: self.exprs,
                    scope: self.scope,
                };
                self.migration.operations.push(reader.read(member));
            }
            Part::Replaces => match self.pair(member) {
                Some((app, name)) => self.migration.replaces.push(Replaced { app, name, line }),
                None => self.unread(part, member.range()),
            },
            Part::Dependencies | Part::RunBefore => match self.target(member) {
                Some(target) if part == Part::Dependencies => {
                    self.migration.dependencies.push(Dependency { target, line });
                }
                Some(target) => self.migration.run_before.push(Dependency { target, line }),
                None => self.unread(part, member.range()),
            },
            Part::Atomic => {}
        }
    }

    fn target(&self, member: &'a Ast) -> Option<Target> {
        let Ast::Call(call) = self.scope.resolve(member) else {
            let (app, name) = self.pair(member)?;
            return Some(Target::new(app, name));
        };
        if self.exprs.name(&call.func)?.last() != "swappable_dependency" {
            return None;
        }
        let argument = self.scope.resolve(call.arguments.args.first()?);
        if let Ast::StringLiteral(model) = argument {
            let (app, _) = model.value.to_str().split_once('.')?;
            return Some(Target::First { app: app.to_owned() });
        }
        let setting = self.exprs.name(argument)?;
        Some(Target::Swappable {
            setting: setting.last().to_owned(),
        })
    }

    /// `("shop", "0001_initial")`
    fn pair(&self, member: &'a Ast) -> Option<(String, String)> {
        let (Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. })) =
            self.scope.resolve(member)
        else {
            return None;
        };
        let [app, name] = elts.as_slice() else { return None };
        let text = |expr: &'a Ast| Some(self.exprs.read(self.scope.resolve(expr)).as_str()?.to_owned());
        Some((text(app)?, text(name)?))
    }

    fn unread(&mut self, part: Part, range: TextRange) {
        let source = self.exprs.source.slice(range).to_owned();
        let line = self.exprs.source.line_at(range.start());
        self.migration.unread.push(Unread { part, source, line });
    }
}

/// The class that Python would leave bound to `Migration`.
fn find_class(body: &[Stmt]) -> Option<&ast::StmtClassDef> {
    body.iter().rev().find_map(|statement| match statement {
        // Without a base it is none of Django's: its own `django/db/migrations/migration.py`, for one.
        Stmt::ClassDef(class) if class.name.as_str() == "Migration" && has_base(class) => Some(class),
        Stmt::If(conditional) => find_class(&conditional.body).or_else(|| {
            conditional
                .elif_else_clauses
                .iter()
                .find_map(|clause| find_class(&clause.body))
        }),
        Stmt::Try(attempt) => find_class(&attempt.body),
        _ => None,
    })
}

fn has_base(class: &ast::StmtClassDef) -> bool {
    class
        .arguments
        .as_ref()
        .is_some_and(|arguments| !arguments.args.is_empty())
}

/// The line where `Migration` gets bound by something other than a class.
fn made_elsewhere(source: &SourceText, body: &[Stmt], imports: &Imports) -> Option<u32> {
    if let Some(import) = imports.get("Migration") {
        return Some(import.line);
    }
    if imports.has_star() {
        return Some(1);
    }
    body.iter().find_map(|statement| {
        let text = source.slice(statement.range());
        let binds = !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_) | Stmt::Expr(_));
        (binds && text.contains("Migration")).then(|| source.line_of(statement))
    })
}

fn functions(source: &SourceText, body: &[Stmt]) -> Vec<Function> {
    let functions = body.iter().filter_map(|statement| match statement {
        Stmt::FunctionDef(function) => Some(function),
        _ => None,
    });
    let read = |function: &ast::StmtFunctionDef| Function {
        name: function.name.as_str().to_owned(),
        parameters: function
            .parameters
            .iter()
            .map(|parameter| parameter.name().as_str().to_owned())
            .collect(),
        line: source.line_of(&function.name),
        source: source.slice(function.range()).to_owned(),
    };
    functions.map(read).collect()
}

fn constants(exprs: ExprReader<'_>, scope: &Scope<'_>) -> std::collections::BTreeMap<String, crate::model::Expr> {
    let parts = [
        "dependencies",
        "run_before",
        "replaces",
        "operations",
        "initial",
        "atomic",
    ];
    let others = scope.iter().filter(|(name, _)| !parts.contains(name));
    others
        .map(|(name, value)| (name.to_owned(), exprs.read(value)))
        .collect()
}
