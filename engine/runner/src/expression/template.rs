//! A text with `${…}` in it.

use serde_json::Value;

use super::expr::type_name;
use super::{Expr, ExpressionError, Scope};

/// Text with expressions. `$${` stands for a literal `${`. A text that is one expression and nothing else keeps the
/// expression's type.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expr(Expr),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                literal.push_str(&rest[..start - 1]);
                literal.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            literal.push_str(&rest[..start]);
            let body = &rest[start + 2..];
            let end = closing_brace(body).ok_or(ExpressionError::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Expr(Expr::parse(body[..end].trim())?));
            rest = &body[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expr(expr) => Some(expr),
            Part::Text(_) => None,
        })
    }

    pub(crate) fn needs_outputs(&self) -> bool {
        self.expressions().any(Expr::needs_outputs)
    }

    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        if let [Part::Expr(expr)] = self.parts.as_slice() {
            return expr.evaluate(scope);
        }
        self.evaluate_text(scope).map(Value::String)
    }

    /// Lists and tables have no text: an error.
    pub(crate) fn evaluate_text(&self, scope: &Scope) -> Result<String, ExpressionError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Expr(expr) => match expr.evaluate(scope)? {
                    Value::String(value) => text.push_str(&value),
                    value @ (Value::Bool(_) | Value::Number(_)) => text.push_str(&value.to_string()),
                    other => {
                        return Err(ExpressionError::WrongType {
                            expected: "a text",
                            found: type_name(&other),
                        });
                    }
                },
            }
        }
        Ok(text)
    }
}

/// The brace that ends an expression: strings and inner braces (map literals) are skipped.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0, None, false);
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Some(index),
            (None, b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evaluate(text: &str) -> Value {
        let mut scope = Scope::default();
        scope.vars.insert("port".into(), json!(22));
        scope.vars.insert("host".into(), json!("a.example"));
        Template::parse(text).unwrap().evaluate(&scope).unwrap()
    }

    #[test]
    fn a_lone_expression_keeps_its_type() {
        assert_eq!(evaluate("${vars.port}"), json!(22));
        assert_eq!(evaluate("${[vars.port, 1]}"), json!([22, 1]));
    }

    #[test]
    fn text_around_it_makes_a_text() {
        assert_eq!(evaluate("${vars.host}:${vars.port}"), json!("a.example:22"));
        assert_eq!(evaluate("no expression"), json!("no expression"));
        assert_eq!(evaluate("$${vars.host} $5"), json!("${vars.host} $5"));
        assert_eq!(evaluate("${'}' + '{'}!"), json!("}{!"));
    }

    #[test]
    fn unclosed_and_untextual_are_errors() {
        assert!(matches!(Template::parse("a ${vars.x"), Err(ExpressionError::Unclosed)));
        let list = Template::parse("x${[1]}")
            .unwrap()
            .evaluate(&Scope::default())
            .unwrap_err();
        assert_eq!(
            list.to_string(),
            "expected the expression to give a text, and it gave a list"
        );
    }
}
