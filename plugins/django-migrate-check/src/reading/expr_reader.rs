use ruff_python_ast::{self as ast, Expr as Ast, Number, UnaryOp};
use ruff_text_size::Ranged;

use super::SourceText;
use crate::model::{Call, Expr, Imports, Name, Value};

/// Turns the parser's expressions into the model's.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExprReader<'a> {
    pub(super) source: &'a SourceText,
    pub(super) imports: &'a Imports,
}

impl ExprReader<'_> {
    pub(super) fn read(self, expr: &Ast) -> Expr {
        Expr {
            value: self.value(expr),
            line: self.source.line_of(expr),
        }
    }

    pub(super) fn read_all(self, exprs: &[Ast]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.read(expr)).collect()
    }

    /// The dotted name that an expression is.
    pub(super) fn name(self, expr: &Ast) -> Option<Name> {
        dotted(expr).map(|written| self.imports.resolve(written))
    }

    /// A call whose function has a name.
    pub(super) fn call(self, call: &ast::ExprCall) -> Option<Call> {
        let function = self.name(&call.func)?;
        let args = self.read_all(&call.arguments.args);
        let kwargs = call.arguments.keywords.iter().map(|keyword| {
            let name = keyword
                .arg
                .as_ref()
                .map_or_else(|| "**".to_owned(), |name| name.as_str().to_owned());
            (name, self.read(&keyword.value))
        });
        Some(Call {
            function,
            args,
            kwargs: kwargs.collect(),
        })
    }

    fn value(self, expr: &Ast) -> Value {
        match expr {
            Ast::NoneLiteral(_) => Value::None,
            Ast::BooleanLiteral(literal) => Value::Bool(literal.value),
            Ast::StringLiteral(literal) => Value::Str(literal.value.to_str().to_owned()),
            Ast::NumberLiteral(literal) => self.number(&literal.value, false).unwrap_or_else(|| self.text(expr)),
            Ast::UnaryOp(unary) if unary.op == UnaryOp::USub => match &*unary.operand {
                Ast::NumberLiteral(literal) => self.number(&literal.value, true).unwrap_or_else(|| self.text(expr)),
                _ => self.text(expr),
            },
            Ast::BinOp(_) => joined_text(expr).map_or_else(|| self.text(expr), Value::Str),
            Ast::List(list) => Value::List(self.read_all(&list.elts)),
            Ast::Tuple(tuple) => Value::Tuple(self.read_all(&tuple.elts)),
            Ast::Set(set) => Value::Set(self.read_all(&set.elts)),
            Ast::Dict(dict) => self.dict(dict).unwrap_or_else(|| self.text(expr)),
            Ast::Name(_) | Ast::Attribute(_) => self.name(expr).map_or_else(|| self.text(expr), Value::Name),
            Ast::Call(call) => self
                .call(call)
                .map_or_else(|| self.text(expr), |call| Value::Call(Box::new(call))),
            _ => self.text(expr),
        }
    }

    fn dict(self, dict: &ast::ExprDict) -> Option<Value> {
        let pair = |item: &ast::DictItem| Some((self.read(item.key.as_ref()?), self.read(&item.value)));
        dict.items.iter().map(pair).collect::<Option<Vec<_>>>().map(Value::Dict)
    }

    fn number(self, number: &Number, is_negative: bool) -> Option<Value> {
        match number {
            Number::Int(int) => int.as_i64().map(|int| Value::Int(if is_negative { -int } else { int })),
            Number::Float(float) => Some(Value::Float(if is_negative { -float } else { *float })),
            Number::Complex { .. } => None,
        }
    }

    fn text(self, expr: &Ast) -> Value {
        Value::Source(self.source.slice(expr.range()).to_owned())
    }
}

/// `a.b.c`
fn dotted(expr: &Ast) -> Option<String> {
    let mut parts = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Ast::Attribute(attribute) => {
                parts.push(attribute.attr.as_str());
                at = &attribute.value;
            }
            Ast::Name(name) => {
                parts.push(name.id.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            _ => return None,
        }
    }
}

/// `"a" + "b"`
fn joined_text(expr: &Ast) -> Option<String> {
    match expr {
        Ast::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        Ast::BinOp(sum) if sum.op == ast::Operator::Add => Some(joined_text(&sum.left)? + &joined_text(&sum.right)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::parse_expression;

    use super::*;

    fn read(source: &str) -> Value {
        let text = SourceText::new(source.to_owned());
        let mut imports = Imports::default();
        imports.bind("models".into(), "django.db.models".into(), 1);
        let parsed = parse_expression(source).unwrap();
        ExprReader {
            source: &text,
            imports: &imports,
        }
        .read(parsed.expr())
        .value
    }

    #[test]
    fn literals_have_their_values() {
        assert_eq!(read("-5"), Value::Int(-5));
        assert_eq!(read("'a' \"b\""), Value::Str("ab".into()));
        assert_eq!(read("'a' + 'b'"), Value::Str("ab".into()));
        assert_eq!(read("1.5"), Value::Float(1.5));
        let Value::Dict(pairs) = read("{'a': [None, True]}") else {
            panic!("a dict")
        };
        assert!(pairs[0].1.is_literal());
    }

    #[test]
    fn names_and_calls_know_their_imports() {
        let Value::Call(call) = read("models.ForeignKey('auth.User', on_delete=models.CASCADE, **rest)") else {
            panic!("a call")
        };
        assert_eq!(call.function.path, "django.db.models.ForeignKey");
        assert_eq!(call.argument(0, "to").unwrap().as_str(), Some("auth.User"));
        assert_eq!(call.kwarg("on_delete").unwrap().as_name().unwrap().last(), "CASCADE");
        assert_eq!(call.kwargs[1].0, "**");
    }

    #[test]
    fn what_is_no_literal_keeps_its_text() {
        assert_eq!(read("[x for x in y]"), Value::Source("[x for x in y]".into()));
        assert_eq!(read("f'{a}'"), Value::Source("f'{a}'".into()));
        assert_eq!(read("{**a}"), Value::Source("{**a}".into()));
        assert_eq!(
            read("99999999999999999999"),
            Value::Source("99999999999999999999".into())
        );
        assert_eq!(read("a()()"), Value::Source("a()()".into()));
    }
}
