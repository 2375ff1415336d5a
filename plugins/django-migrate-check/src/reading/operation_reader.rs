use ruff_python_ast::Expr as Ast;
use ruff_text_size::Ranged;

use super::{ExprReader, Scope};
use crate::model::{Call, Expr, Field, Name, Operation, OperationKind, Value};

/// How deep `SeparateDatabaseAndState` may hold itself. People write one level.
const MAX_DEPTH: usize = 8;

/// Turns the members of `operations` into typed operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationReader<'a> {
    pub(super) exprs: ExprReader<'a>,
    pub(super) scope: &'a Scope<'a>,
}

impl<'a> OperationReader<'a> {
    pub(super) fn read(self, expr: &'a Ast) -> Operation {
        self.read_at(expr, MAX_DEPTH)
    }

    fn read_at(self, expr: &'a Ast, depth: usize) -> Operation {
        let line = self.exprs.source.line_of(expr);
        let expr = self.scope.resolve(expr);
        let unreadable = || OperationKind::Unreadable(self.exprs.source.slice(expr.range()).to_owned());
        let kind = match expr {
            Ast::Call(ast) => match self.exprs.call(ast) {
                Some(call) if call.function.is_django() => {
                    let nested = |position, name: &str| {
                        let by_position = ast.arguments.args.get(position);
                        let argument = by_position.or_else(|| ast.arguments.find_keyword(name).map(|k| &k.value));
                        self.nested(argument, depth)
                    };
                    django_operation(&call, nested).unwrap_or_else(|| OperationKind::Custom(Box::new(call)))
                }
                Some(call) => OperationKind::Custom(Box::new(call)),
                None => unreadable(),
            },
            _ => unreadable(),
        };
        Operation { kind, line }
    }

    /// Operations inside an operation.
    fn nested(self, list: Option<&'a Ast>, depth: usize) -> Vec<Operation> {
        let Some(list) = list.filter(|list| !list.is_none_literal_expr()) else {
            return Vec::new();
        };
        let Some(depth) = depth.checked_sub(1) else {
            return vec![self.unreadable(list)];
        };
        let members = self.scope.members(list);
        let known = members
            .known
            .into_iter()
            .map(|operation| self.read_at(operation, depth));
        known
            .chain(members.unknown.into_iter().map(|part| self.unreadable(part)))
            .collect()
    }

    fn unreadable(self, expr: &Ast) -> Operation {
        let text = self.exprs.source.slice(expr.range()).to_owned();
        Operation {
            kind: OperationKind::Unreadable(text),
            line: self.exprs.source.line_of(expr),
        }
    }
}

/// None if the operation is not one of Django's, or an argument that names something is not written out.
fn django_operation(call: &Call, nested: impl Fn(usize, &str) -> Vec<Operation>) -> Option<OperationKind> {
    use OperationKind as Kind;

    if call.kwargs.iter().any(|(name, _)| name == "**") {
        return None;
    }
    let text = |position, name: &str| Some(call.argument(position, name)?.as_str()?.to_owned());
    let expr = |position, name: &str| call.argument(position, name).cloned();
    let optional = |position, name: &str| call.argument(position, name).filter(|expr| !expr.is_none()).cloned();
    let flag = |position, name: &str| call.argument(position, name).and_then(Expr::as_bool);
    let model_name = || text(0, "model_name");
    let name = || text(0, "name");
    let class = call.function.last();
    Some(match class {
        "CreateModel" => Kind::CreateModel {
            name: name()?,
            fields: fields(call.argument(1, "fields")?)?,
            options: pairs(call.argument(2, "options"))?,
            bases: items(call.argument(3, "bases"))?,
            managers: items(call.argument(4, "managers"))?,
        },
        "DeleteModel" => Kind::DeleteModel { name: name()? },
        "RenameModel" => Kind::RenameModel {
            old_name: text(0, "old_name")?,
            new_name: text(1, "new_name")?,
        },
        "AlterModelTable" => Kind::AlterModelTable {
            name: name()?,
            table: expr(1, "table")?,
        },
        "AlterModelTableComment" => Kind::AlterModelTableComment {
            name: name()?,
            comment: expr(1, "table_comment")?,
        },
        "AlterModelOptions" => Kind::AlterModelOptions {
            name: name()?,
            options: pairs(call.argument(1, "options"))?,
        },
        "AlterModelManagers" => Kind::AlterModelManagers {
            name: name()?,
            managers: items(call.argument(1, "managers"))?,
        },
        "AlterUniqueTogether" => Kind::AlterUniqueTogether {
            name: name()?,
            unique_together: expr(1, "unique_together")?,
        },
        "AlterIndexTogether" => Kind::AlterIndexTogether {
            name: name()?,
            index_together: expr(1, "index_together")?,
        },
        "AlterOrderWithRespectTo" => Kind::AlterOrderWithRespectTo {
            name: name()?,
            field: expr(1, "order_with_respect_to")?,
        },
        "AddField" | "AlterField" => {
            let (model_name, name) = (model_name()?, text(1, "name")?);
            let field = field(call.argument(2, "field")?);
            let preserve_default = flag(3, "preserve_default").unwrap_or(true);
            if class == "AddField" {
                Kind::AddField {
                    model_name,
                    name,
                    field,
                    preserve_default,
                }
            } else {
                Kind::AlterField {
                    model_name,
                    name,
                    field,
                    preserve_default,
                }
            }
        }
        "RemoveField" => Kind::RemoveField {
            model_name: model_name()?,
            name: text(1, "name")?,
        },
        "RenameField" => Kind::RenameField {
            model_name: model_name()?,
            old_name: text(1, "old_name")?,
            new_name: text(2, "new_name")?,
        },
        "AddIndex" | "AddIndexConcurrently" => Kind::AddIndex {
            model_name: model_name()?,
            index: expr(1, "index")?,
            concurrently: class == "AddIndexConcurrently",
        },
        "RemoveIndex" | "RemoveIndexConcurrently" => Kind::RemoveIndex {
            model_name: model_name()?,
            name: text(1, "name")?,
            concurrently: class == "RemoveIndexConcurrently",
        },
        "RenameIndex" => Kind::RenameIndex {
            model_name: model_name()?,
            new_name: text(1, "new_name")?,
            old_name: text(2, "old_name"),
            old_fields: optional(3, "old_fields"),
        },
        "AddConstraint" | "AddConstraintNotValid" => Kind::AddConstraint {
            model_name: model_name()?,
            constraint: expr(1, "constraint")?,
            not_valid: class == "AddConstraintNotValid",
        },
        "AlterConstraint" => Kind::AlterConstraint {
            model_name: model_name()?,
            name: text(1, "name")?,
            constraint: expr(2, "constraint")?,
        },
        "RemoveConstraint" => Kind::RemoveConstraint {
            model_name: model_name()?,
            name: text(1, "name")?,
        },
        "ValidateConstraint" => Kind::ValidateConstraint {
            model_name: model_name()?,
            name: text(1, "name")?,
        },
        "RunPython" => Kind::RunPython {
            code: expr(0, "code")?,
            reverse: optional(1, "reverse_code"),
            atomic: flag(2, "atomic"),
        },
        "RunSQL" => Kind::RunSql {
            sql: expr(0, "sql")?,
            reverse: optional(1, "reverse_sql"),
            state_operations: nested(2, "state_operations"),
        },
        "SeparateDatabaseAndState" => Kind::SeparateDatabaseAndState {
            database: nested(0, "database_operations"),
            state: nested(1, "state_operations"),
        },
        _ => return None,
    })
}

/// `[("id", models.AutoField(…)), …]`
fn fields(list: &Expr) -> Option<Vec<(String, Field)>> {
    let pair = |item: &Expr| match item.as_items()? {
        [name, definition] => Some((name.as_str()?.to_owned(), field(definition))),
        _ => None,
    };
    list.as_items()?.iter().map(pair).collect()
}

fn field(expr: &Expr) -> Field {
    match &expr.value {
        Value::Call(call) => Field {
            class: call.function.clone(),
            args: call.args.clone(),
            is_readable: call.kwargs.iter().all(|(name, _)| name != "**"),
            kwargs: call.kwargs.clone(),
            line: expr.line,
        },
        other => {
            let text = match other {
                Value::Name(name) => name.written.clone(),
                Value::Source(text) => text.clone(),
                _ => String::new(),
            };
            let class = Name {
                path: text.clone(),
                written: text,
            };
            Field {
                class,
                args: Vec::new(),
                kwargs: Vec::new(),
                line: expr.line,
                is_readable: false,
            }
        }
    }
}

/// A dictionary with texts as keys; empty if there is none. None if it is something else.
fn pairs(dict: Option<&Expr>) -> Option<Vec<(String, Expr)>> {
    match dict.map(|dict| &dict.value) {
        None | Some(Value::None) => Some(Vec::new()),
        Some(Value::Dict(pairs)) => pairs
            .iter()
            .map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone())))
            .collect(),
        Some(_) => None,
    }
}

/// A list's members; empty if there is none. None if it is something else.
fn items(list: Option<&Expr>) -> Option<Vec<Expr>> {
    match list {
        None => Some(Vec::new()),
        Some(list) if list.is_none() => Some(Vec::new()),
        Some(list) => list.as_items().map(<[Expr]>::to_vec),
    }
}
