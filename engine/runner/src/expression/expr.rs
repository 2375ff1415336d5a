//! One CEL expression, and what it depends on.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use cel::common::ast;
use cel::{Context, Env, Program};

use super::value::to_cel;
use super::{Scope, trouble};

static STDLIB: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Longest text of one expression: CEL has no loops over anything but literals and outputs, so the text bounds the work.
const MAX_LENGTH: usize = 4 << 10;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpressionError {
    #[error("this is not a CEL expression: {0}")]
    Syntax(String),
    #[error("expressions may have at most {MAX_LENGTH} bytes")]
    TooLong,
    #[error("expressions have no loops (`all`, `exists`, `exists_one`, `map`, `filter`)")]
    Loop,
    #[error("there is no variable `{name}` here; there are `vars`, `stages`, `branch`, `tag` and `commit`")]
    UnknownVariable { name: String },
    /// CEL reads `a.exit-code` as `a.exit` minus `code`.
    #[error("a name with `-` stands in brackets here: `outputs[\"…-{name}\"]`")]
    Hyphen { name: String },
    #[error("there is no `{name}` here")]
    NoSuchKey { name: String },
    #[error("stage `{stage}` did not run")]
    StageNotRun { stage: String },
    #[error("stage `{stage}` gave no output `{key}`{}", given_text(given))]
    NoSuchOutput { stage: String, key: String, given: String },
    #[error("{0}")]
    Evaluation(String),
    #[error("expected the expression to give {expected}, and it gave {found}")]
    WrongType {
        expected: &'static str,
        found: &'static str,
    },
    #[error("`${{` is never closed by `}}`")]
    Unclosed,
}

/// A compiled expression.
pub(crate) struct Expr {
    program: Program,
    stages: BTreeSet<String>,
}

impl Expr {
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError::TooLong);
        }
        let program = STDLIB.compile(text).map_err(|errors| {
            let first = errors
                .errors
                .first()
                .map_or_else(|| errors.to_string(), |error| error.msg.clone());
            trouble::of_syntax(text, &first)
        })?;
        let mut stages = BTreeSet::new();
        collect_stages(&program.expression().expr, &mut stages)?;
        for name in program.references().variables() {
            if !Scope::NAMES.contains(&name) && text.contains(&format!("-{name}")) {
                return Err(ExpressionError::Hyphen { name: name.into() });
            }
            if !Scope::NAMES.contains(&name) {
                return Err(ExpressionError::UnknownVariable { name: name.into() });
            }
        }
        Ok(Self { program, stages })
    }

    /// True when the value depends on stages that have to run first.
    pub(crate) fn needs_outputs(&self) -> bool {
        self.program.references().has_variable("stages")
    }

    /// True when it speaks of the repository.
    pub(crate) fn needs_source(&self) -> bool {
        let references = self.program.references();
        ["branch", "tag", "commit"]
            .iter()
            .any(|name| references.has_variable(name))
    }

    /// Names that follow `stages.` or stand in `stages["…"]`.
    pub(crate) fn stages(&self) -> &BTreeSet<String> {
        &self.stages
    }

    pub(crate) fn evaluate(&self, scope: &Scope) -> Result<serde_json::Value, ExpressionError> {
        let mut context = Context::with_env(STDLIB.clone());
        for (name, value) in scope.variables() {
            context.add_variable_from_value(name, to_cel(&value));
        }
        let value = self.program.execute(&context).map_err(|error| {
            // A name that is missing may be a variable's as well.
            let is_about_stages = !self.program.references().has_variable("vars");
            let stages = self.stages.iter().filter(|_| is_about_stages).map(String::as_str);
            trouble::of_evaluation(&error, stages, scope)
        })?;
        value
            .json()
            .map_err(|error| ExpressionError::Evaluation(error.to_string()))
    }

    pub(crate) fn evaluate_bool(&self, scope: &Scope) -> Result<bool, ExpressionError> {
        match self.evaluate(scope)? {
            serde_json::Value::Bool(value) => Ok(value),
            other => Err(ExpressionError::WrongType {
                expected: "true or false",
                found: type_name(&other),
            }),
        }
    }
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expr").field(self.program.expression()).finish()
    }
}

pub(super) fn type_name(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "nothing",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "a table",
    }
}

fn given_text(given: &str) -> String {
    match given {
        "" => "; it gave none".into(),
        given => format!("; it gave {given}"),
    }
}

/// Stages whose outputs are spoken of. A loop is refused: a few of them in one another would run for years, and whoever wrote
/// the manifest need not mean well.
fn collect_stages(expr: &ast::Expr, found: &mut BTreeSet<String>) -> Result<(), ExpressionError> {
    match expr {
        ast::Expr::Select(select) => {
            if matches!(&select.operand.expr, ast::Expr::Ident(name) if name == "stages") {
                found.insert(select.field.clone());
            }
            collect_stages(&select.operand.expr, found)?;
        }
        ast::Expr::Call(call) => {
            if let (ast::operators::INDEX, [operand, index]) = (call.func_name.as_str(), call.args.as_slice())
                && matches!(&operand.expr, ast::Expr::Ident(name) if name == "stages")
                && let ast::Expr::Literal(ast::LiteralValue::String(name)) = &index.expr
            {
                found.insert(name.inner().to_string());
            }
            for part in call.target.iter().map(|target| &**target).chain(&call.args) {
                collect_stages(&part.expr, found)?;
            }
        }
        ast::Expr::List(list) => {
            for element in &list.elements {
                collect_stages(&element.expr, found)?;
            }
        }
        ast::Expr::Map(map) => {
            for entry in &map.entries {
                if let ast::EntryExpr::MapEntry(entry) = &entry.expr {
                    collect_stages(&entry.key.expr, found)?;
                    collect_stages(&entry.value.expr, found)?;
                }
            }
        }
        ast::Expr::Comprehension(_) => return Err(ExpressionError::Loop),
        ast::Expr::Struct(_) | ast::Expr::Ident(_) | ast::Expr::Literal(_) | ast::Expr::Unspecified => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.branch = Some("main".into());
        scope.vars.insert("port".into(), serde_json::json!(22));
        scope.set_output("test", "failed", serde_json::json!(0));
        scope
    }

    #[test]
    fn knows_which_stages_it_needs() {
        let expr = Expr::parse("stages.test.outputs.failed == 0 && has(stages['a-b'].outputs.x)").unwrap();
        assert_eq!(
            expr.stages().iter().map(String::as_str).collect::<Vec<_>>(),
            ["a-b", "test"]
        );
        assert!(expr.needs_outputs());
        assert!(!Expr::parse("branch == 'main'").unwrap().needs_outputs());
    }

    #[test]
    fn evaluates_in_a_scope() {
        let holds = |text| Expr::parse(text).unwrap().evaluate_bool(&scope()).unwrap();
        assert!(holds("branch == 'main' && stages.test.outputs.failed == 0"));
        assert!(holds("vars.port > 21 && tag == null"));
        assert!(!holds("branch.startsWith('release/')"));
    }

    #[test]
    fn mistakes_are_told_apart() {
        assert!(matches!(Expr::parse("branch ="), Err(ExpressionError::Syntax(_))));
        assert!(matches!(
            Expr::parse("github.ref"),
            Err(ExpressionError::UnknownVariable { .. })
        ));
        let hyphen = Expr::parse("stages.w.outputs.exit-code").unwrap_err();
        assert_eq!(
            hyphen.to_string(),
            "a name with `-` stands in brackets here: `outputs[\"…-code\"]`"
        );
        let number = Expr::parse("1 + 1").unwrap().evaluate_bool(&scope()).unwrap_err();
        assert_eq!(
            number.to_string(),
            "expected the expression to give true or false, and it gave a number"
        );
        let missing = Expr::parse("vars.nope").unwrap().evaluate(&scope()).unwrap_err();
        assert_eq!(missing.to_string(), "there is no `nope` here");
        let message = |text: &str| match Expr::parse(text).and_then(|expr| expr.evaluate(&scope())) {
            Ok(value) => format!("{value}"),
            Err(error) => error.to_string(),
        };
        for (text, said) in [
            (
                "stages.test.outputs.passed",
                "stage `test` gave no output `passed`; it gave failed",
            ),
            ("stages.build.outputs.tag", "stage `build` did not run"),
            ("'a' + 1", "`+` does not work between a text and a number"),
            ("vars.port / 0", "it divides by zero"),
            (
                "branch = 'main'",
                "this is not a CEL expression: two values are compared with `==`",
            ),
            (
                "1 +",
                "this is not a CEL expression: it ends where a value or a name should follow",
            ),
            ("vars.port - 23", "-1"),
        ] {
            assert_eq!(message(text), said, "{text}");
        }
    }

    #[test]
    fn loops_are_refused() {
        let mut nested = "false".to_owned();
        for depth in 0..8 {
            nested = format!("[1,2,3,4,5,6,7,8,9].exists(x{depth}, {nested})");
        }
        assert!(matches!(Expr::parse(&nested), Err(ExpressionError::Loop)));
        assert!(matches!(
            Expr::parse("true || !([1].all(x, true))"),
            Err(ExpressionError::Loop)
        ));
        assert!(Expr::parse("has(vars.a)").is_ok());
    }
}
