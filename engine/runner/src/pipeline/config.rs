//! A stage's `with` table whose strings may hold expressions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::expression::{ExpressionError, Scope, Template};

/// Known values are in place; values that earlier stages give stand as their text, and `unknown` says where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigTemplate {
    pub value: Value,
    /// JSON pointer to text.
    pub unknown: BTreeMap<String, String>,
    /// Stages whose outputs it speaks of, each with the pointer where it does.
    pub stages: BTreeSet<(String, String)>,
}

impl ConfigTemplate {
    /// Evaluates what can be known. The errors come with the JSON pointers of their places.
    pub(crate) fn new(config: &Value, scope: &Scope) -> (Self, Vec<(String, ExpressionError)>) {
        let mut template = Self {
            value: config.clone(),
            ..Self::default()
        };
        let mut errors = Vec::new();
        let mut value = std::mem::take(&mut template.value);
        template.visit(&mut value, String::new(), scope, &mut errors);
        template.value = value;
        (template, errors)
    }

    fn visit(
        &mut self,
        value: &mut Value,
        pointer: String,
        scope: &Scope,
        errors: &mut Vec<(String, ExpressionError)>,
    ) {
        match value {
            Value::String(text) => match self.known(text, &pointer, scope) {
                Ok(Some(known)) => *value = known,
                Ok(None) => {}
                Err(error) => errors.push((pointer, error)),
            },
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.visit(item, format!("{pointer}/{index}"), scope, errors);
                }
            }
            Value::Object(entries) => {
                for (key, entry) in entries.iter_mut() {
                    self.visit(entry, format!("{pointer}/{}", escape(key)), scope, errors);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn known(&mut self, text: &str, pointer: &str, scope: &Scope) -> Result<Option<Value>, ExpressionError> {
        let template = Template::parse(text)?;
        let stages = template.expressions().flat_map(|expr| expr.stages());
        self.stages
            .extend(stages.map(|stage| (stage.clone(), pointer.to_owned())));
        if template.needs_outputs() {
            self.unknown.insert(pointer.to_owned(), text.to_owned());
            return Ok(None);
        }
        template.evaluate(scope).map(Some)
    }
}

/// Puts the values of `unknown` into `config`, now that the stages before have run.
pub(crate) fn fill_in(
    config: &Value,
    unknown: &BTreeMap<String, String>,
    scope: &Scope,
) -> Result<Value, (String, ExpressionError)> {
    let mut config = config.clone();
    for (pointer, text) in unknown {
        let at = |error| (pointer.clone(), error);
        let value = Template::parse(text)
            .and_then(|template| template.evaluate(scope))
            .map_err(at)?;
        if let Some(place) = config.pointer_mut(pointer) {
            *place = value;
        }
    }
    Ok(config)
}

/// A key as a part of a JSON pointer (RFC 6901).
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_values_are_put_in_and_unknown_ones_wait() {
        let mut scope = Scope::default();
        scope.vars.insert("port".into(), json!(22));
        let config = json!({ "port": "${vars.port}", "a/b": ["x", "${stages.build.outputs.tag}"], "n": 1 });
        let (template, errors) = ConfigTemplate::new(&config, &scope);
        assert!(errors.is_empty());
        assert_eq!(template.value["port"], 22);
        assert_eq!(
            template.unknown,
            [("/a~1b/1".to_owned(), "${stages.build.outputs.tag}".to_owned())].into()
        );
        assert_eq!(template.stages, [("build".to_owned(), "/a~1b/1".to_owned())].into());

        scope.set_output("build", "tag", json!("v1"));
        let filled = fill_in(&template.value, &template.unknown, &scope).unwrap();
        assert_eq!(filled, json!({ "port": 22, "a/b": ["x", "v1"], "n": 1 }));
    }

    #[test]
    fn errors_have_their_place() {
        let (_, errors) = ConfigTemplate::new(&json!({ "a": ["${vars.no}", "${"] }), &Scope::default());
        let places: Vec<_> = errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(places, ["/a/0", "/a/1"]);
    }
}
