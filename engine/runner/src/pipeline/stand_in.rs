//! What a component is asked about while some values of its configuration are unknown.

use std::collections::BTreeMap;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Value, json};

use super::schema::validator;

/// Errors looked at in one pass: a hostile schema could give millions.
const MAX_ERRORS: usize = 1_000;

/// A value that an earlier stage gives stands in a configuration as its text. Where the schema wants something else, a number
/// for instance, the component could not read its own configuration and say what it needs. There the value is left out, or,
/// where it has to be there, is some value that fits.
pub(super) fn stand_in(schema: &Value, value: &Value, unknown: &BTreeMap<String, String>) -> Value {
    let mut value = value.clone();
    let Ok(validator) = validator(schema) else {
        return value;
    };
    let errors = validator.iter_errors(&value).take(MAX_ERRORS);
    let places = errors.map(|error| error.instance_path().as_str().to_owned());
    let mut unfit: Vec<_> = places.filter(|place| unknown.contains_key(place)).collect();
    unfit.sort_by_cached_key(|place| parts(place));
    unfit.dedup();
    // From behind, so that what is left out of a list moves none of the others.
    for place in unfit.iter().rev() {
        leave_out(&mut value, place);
    }
    for place in required(&validator, &value) {
        if unfit.contains(&place) {
            put_what_fits(&validator, &mut value, &place);
        }
    }
    value
}

/// List indices as numbers, so that 10 comes after 9.
fn parts(place: &str) -> Vec<(usize, String)> {
    let number = |part: &str| part.parse().unwrap_or(usize::MAX);
    place.split('/').map(|part| (number(part), part.to_owned())).collect()
}

fn leave_out(value: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else {
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => {
            entries.remove(&unescaped(key));
        }
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Places that have to be there and are not.
fn required(validator: &Validator, value: &Value) -> Vec<String> {
    let missing = validator.iter_errors(value).take(MAX_ERRORS).filter_map(|error| {
        let ValidationErrorKind::Required { property } = error.kind() else {
            return None;
        };
        let key = property.as_str()?.replace('~', "~0").replace('/', "~1");
        Some(format!("{}/{key}", error.instance_path().as_str()))
    });
    missing.collect()
}

fn put_what_fits(validator: &Validator, value: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else {
        return;
    };
    for candidate in [json!(1), json!(false), json!([]), json!({}), json!("1s"), json!(0)] {
        if let Some(Value::Object(entries)) = value.pointer_mut(parent) {
            entries.insert(unescaped(key), candidate);
        }
        let mut errors = validator.iter_errors(value).take(MAX_ERRORS);
        if errors.all(|error| error.instance_path().as_str() != place) {
            return;
        }
    }
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand_in_for(value: Value, unknown: &[&str]) -> Value {
        let schema = json!({
            "type": "object",
            "required": ["count", "name"],
            "properties": {
                "count": { "type": "integer", "minimum": 1 },
                "name": { "type": "string" },
                "keep": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                "timeout": { "type": "string", "pattern": "^\\d+s$" },
                "codes": { "type": "array", "items": { "type": "integer" } },
            },
        });
        let unknown = unknown
            .iter()
            .map(|place| ((*place).to_owned(), String::new()))
            .collect();
        stand_in(&schema, &value, &unknown)
    }

    #[test]
    fn a_text_that_fits_stays_and_another_value_is_left_out_or_made_to_fit() {
        let value = json!({
            "count": "${a}", "name": "${b}", "keep": "${c}", "timeout": "${d}", "codes": [0, "${e}", 2, "${f}"],
        });
        let unknown = ["/count", "/name", "/keep", "/timeout", "/codes/1", "/codes/3"];
        assert_eq!(
            stand_in_for(value, &unknown),
            json!({ "count": 1, "name": "${b}", "codes": [0, 2] })
        );
    }

    #[test]
    fn mistakes_of_known_values_stay() {
        let value = json!({ "count": "many", "name": "${b}" });
        assert_eq!(stand_in_for(value.clone(), &["/name"]), value);
    }
}
