//! JSON as the evaluator's values.

use std::collections::HashMap;

use serde_json::Value as Json;

/// Whole numbers become signed ones, so that they can be added to and subtracted from those of an expression.
pub(super) fn to_cel(value: &Json) -> cel::Value {
    match value {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => cel::Value::Int(number),
            (None, Some(number)) => cel::Value::UInt(number),
            (None, None) => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(to_cel).collect::<Vec<_>>().into(),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), to_cel(value)));
            entries.collect::<HashMap<_, _>>().into()
        }
    }
}
