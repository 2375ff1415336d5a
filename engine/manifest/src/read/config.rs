//! A stage's `with` table as JSON.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::Problems;
use super::node::{Node, entries_of};
use crate::code;
use crate::{Config, Diagnostic, Span};

/// Without `with` the stage gets an empty table, whose place is `stage`.
pub(super) fn read_config(node: Option<&Node<'_>>, stage: &Span, problems: &mut Problems) -> Config {
    let mut config = Config {
        value: Value::Object(serde_json::Map::new()),
        spans: BTreeMap::from([(String::new(), stage.clone())]),
        keys: BTreeMap::new(),
    };
    let Some(node) = node else { return config };
    config.keys.insert(String::new(), node.key.clone());
    if node.is_table() {
        let mut reader = Reader { config, problems };
        reader.config.value = reader.json(node.value, node.span.clone(), String::new());
        return reader.config;
    }
    problems.push(node.wrong_type("a table"));
    config
}

struct Reader<'p> {
    config: Config,
    problems: &'p mut Problems,
}

impl Reader<'_> {
    /// Recursion ends: the parser refuses documents that are nested deeper than 80 levels.
    fn json(&mut self, value: &DeValue<'_>, span: Span, pointer: String) -> Value {
        self.config.spans.insert(pointer.clone(), span.clone());
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => number.into(),
                Err(_) => self.refuse("this number does not fit 64 bits", &span, "expected a smaller number"),
            },
            DeValue::Float(number) => {
                let finite = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                match finite {
                    Some(number) => Value::Number(number),
                    None => self.refuse("JSON has no such number", &span, "expected a finite number"),
                }
            }
            DeValue::Datetime(_) => self.refuse("JSON has no dates", &span, "put the date in quotes"),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.json(item.get_ref(), item.span(), format!("{pointer}/{index}")))
                    .collect(),
            ),
            DeValue::Table(table) => Value::Object(
                entries_of(table)
                    .into_iter()
                    .map(|entry| {
                        let pointer = format!("{pointer}/{}", escape(entry.name));
                        self.config.keys.insert(pointer.clone(), entry.key);
                        (entry.name.to_owned(), self.json(entry.value, entry.span, pointer))
                    })
                    .collect(),
            ),
        }
    }

    fn refuse(&mut self, message: &str, span: &Span, label: &str) -> Value {
        self.problems
            .push(Diagnostic::error(code::INVALID_CONFIG, message).at(span, label));
        Value::Null
    }
}

/// RFC 6901, section 3.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use crate::{Source, parse};

    #[test]
    fn every_value_and_key_has_its_place() {
        let text = "[stages.a]\nuses = \"x\"\nwith = { \"a/b~c\" = [1, { d = true }], e = 0x10, f = 1.5 }\n";
        let manifest = parse(&Source::new("t", text)).unwrap().manifest;
        let config = &manifest.stages[0].with;
        assert_eq!(
            config.value,
            serde_json::json!({ "a/b~c": [1, { "d": true }], "e": 16, "f": 1.5 })
        );
        let at = |pointer: &str| &text[config.spans[pointer].clone()];
        assert_eq!(at("/a~1b~0c/1/d"), "true");
        assert_eq!(at("/a~1b~0c/0"), "1");
        assert_eq!(at("/e"), "0x10");
        assert!(at("").starts_with("{ \"a/b"));
        assert_eq!(&text[config.keys["/a~1b~0c"].clone()], "\"a/b~c\"");
        assert_eq!(&text[config.keys[""].clone()], "with");
        assert!(
            config
                .spans
                .keys()
                .all(|pointer| config.value.pointer(pointer).is_some())
        );
    }

    #[test]
    fn a_table_of_its_own_is_the_same() {
        let text = "[stages.a]\nuses = \"x\"\n[stages.a.with]\nb = { c = 1 }\n";
        let manifest = parse(&Source::new("t", text)).unwrap().manifest;
        assert_eq!(manifest.stages[0].with.value, serde_json::json!({ "b": { "c": 1 } }));
    }
}
