//! What the evaluator says, in words of the manifest.

use cel::{ExecutionError, Value};

use super::{ExpressionError, Scope};

/// The parser's first message.
pub(super) fn of_syntax(text: &str, message: &str) -> ExpressionError {
    if has_single_equals(text) {
        return ExpressionError::Syntax("two values are compared with `==`".into());
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = match message.split_once(" expecting ") {
        Some((found, _)) if found.contains("<EOF>") => "it ends where a value or a name should follow",
        Some((found, _)) => found,
        None => message,
    };
    ExpressionError::Syntax(message.into())
}

/// `=` that belongs to no other operator and stands in no text.
fn has_single_equals(text: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '=') if !"=!<>".contains(before) && characters.peek() != Some(&'=') => return true,
            _ => {}
        }
        before = character;
    }
    false
}

pub(super) fn of_evaluation<'a>(
    error: &ExecutionError,
    stages: impl Iterator<Item = &'a str>,
    scope: &Scope,
) -> ExpressionError {
    match error {
        ExecutionError::NoSuchKey(key) => missing(key, stages, scope),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => ExpressionError::Evaluation(format!(
            "`{}` does not work between {} and {}",
            sign(operator),
            kind(left),
            kind(right)
        )),
        ExecutionError::ValuesNotComparable(left, right) => {
            ExpressionError::Evaluation(format!("{} can't be compared with {}", kind(left), kind(right)))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            ExpressionError::Evaluation("it divides by zero".into())
        }
        other => ExpressionError::Evaluation(other.to_string()),
    }
}

/// A name that is not there: a stage that has not run, an output that it did not give, or a variable.
fn missing<'a>(key: &str, stages: impl Iterator<Item = &'a str>, scope: &Scope) -> ExpressionError {
    let stages: Vec<_> = stages.collect();
    if stages.contains(&key) {
        return ExpressionError::StageNotRun { stage: key.to_owned() };
    }
    // With outputs of several stages in it the expression does not tell whose it is.
    match stages[..] {
        [stage] => ExpressionError::NoSuchOutput {
            stage: stage.to_owned(),
            key: key.to_owned(),
            given: scope.outputs_of(stage).unwrap_or_default().join(", "),
        },
        _ => ExpressionError::NoSuchKey { name: key.to_owned() },
    }
}

fn sign(operator: &str) -> &str {
    match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a table",
        _ => "a value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_told_from_operators_and_texts() {
        for text in ["branch = 'main'", "a=1", "a == 'x' && b = 2"] {
            assert!(has_single_equals(text), "{text}");
        }
        for text in ["a == 1", "a >= 1 && b <= 2", "a != 'x = y'", "\"=\" + a"] {
            assert!(!has_single_equals(text), "{text}");
        }
    }
}
