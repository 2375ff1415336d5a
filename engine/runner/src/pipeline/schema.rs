//! A stage's `with` table against the JSON Schema of its plugin.

use std::collections::BTreeMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;
use tidegate_manifest::{Config, Diagnostic, Span, suggest};

/// Errors told for one stage at most: a hostile schema could give millions.
const MAX_ERRORS: usize = 20;

/// Checks `value`. Places in `unknown` (JSON pointers), and what lies beneath them, are passed over.
///
/// The schema may be written by anyone: nothing is fetched for a `$ref`, and patterns run in linear time.
pub(super) fn check(
    stage: &str,
    schema: &Value,
    value: &Value,
    unknown: &BTreeMap<String, String>,
    written: &Config,
) -> Vec<Diagnostic> {
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(text) => {
            let message = format!("the plugin of stage `{stage}` has no usable JSON Schema: {text}");
            return vec![Diagnostic::error("config/bad-schema", message)];
        }
    };
    let is_known = |error: &jsonschema::ValidationError<'_>| {
        let pointer = error.instance_path().as_str();
        let is_in = |place: &String| pointer == *place || pointer.starts_with(&format!("{place}/"));
        !unknown.keys().any(is_in)
    };
    // What is passed over takes the place of no error that is told.
    let errors = validator.iter_errors(value).filter(is_known).take(MAX_ERRORS);
    errors
        .flat_map(|error| explain(stage, schema, &error, error.instance_path().as_str(), written))
        .collect()
}

/// The first mistake as one line, for a value that became known only when the stage started.
pub(crate) fn first_mistake(schema: &Value, value: &Value) -> Option<String> {
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(text) => return Some(text),
    };
    let error = validator.iter_errors(value).next()?;
    Some(format!("`{}`: {error}", error.instance_path().as_str()))
}

pub(super) fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(schema)
        .map_err(|error| error.to_string())
}

fn explain(
    stage: &str,
    schema: &Value,
    error: &jsonschema::ValidationError<'_>,
    pointer: &str,
    written: &Config,
) -> Vec<Diagnostic> {
    let span = place(pointer, written);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let known = properties(schema, error.schema_path().as_str());
            unexpected
                .iter()
                .map(|key| unknown_key(stage, key, pointer, &known, written))
                .collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let message = format!("stage `{stage}` needs `{}{name}` in its `with` table", dotted(pointer));
            let mut mistake =
                Diagnostic::error("config/missing-key", message).at(&span, format!("`{name}` is missing here"));
            let known = properties(schema, error.schema_path().as_str());
            if let Some(text) = known
                .get(name)
                .and_then(|property| property.get("description"))
                .and_then(Value::as_str)
            {
                mistake = mistake.help(format!("`{name}`: {}", first_line(text)));
            }
            vec![mistake]
        }
        ValidationErrorKind::Type { kind } => {
            let found = describe(error.instance());
            let expected = match kind {
                TypeKind::Single(single) => type_text(&single.to_string()),
                // A value that may be left out may be null in JSON; TOML has no null.
                TypeKind::Multiple(several) => several
                    .iter()
                    .map(|one| one.to_string())
                    .filter(|one| one != "null")
                    .map(|one| type_text(&one))
                    .collect::<Vec<_>>()
                    .join(" or "),
            };
            let message = format!("`{}` of stage `{stage}` has the wrong type", name_of(pointer));
            vec![
                Diagnostic::error("config/wrong-type", message)
                    .at(&span, format!("expected {expected}, found {found}")),
            ]
        }
        ValidationErrorKind::Enum { options } => vec![not_one_of(stage, error.instance(), options, pointer, &span)],
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let alternatives = look_up(schema, error.schema_path().as_str()).and_then(Value::as_array);
            let alternatives = alternatives.map(Vec::as_slice).unwrap_or_default();
            explain_alternatives(stage, schema, error, alternatives, context, pointer, written)
        }
        ValidationErrorKind::Pattern { .. } => vec![not_written_so(stage, schema, error, pointer, &span)],
        _ => vec![refused(stage, error, pointer, &span)],
    }
}

/// The schema's `examples` say to people what its pattern says to the engine.
fn not_written_so(
    stage: &str,
    schema: &Value,
    error: &jsonschema::ValidationError<'_>,
    pointer: &str,
    span: &Span,
) -> Diagnostic {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let examples = look_up(schema, parent).and_then(|value| value.get("examples"));
    let examples: Vec<String> = examples
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|example| format!("\"{example}\""))
        .collect();
    if examples.is_empty() {
        return refused(stage, error, pointer, span);
    }
    let message = format!(
        "`{}` of stage `{stage}` is not written as it has to be",
        name_of(pointer)
    );
    Diagnostic::error("config/refused", message).at(span, format!("write it as in {}", examples.join(", ")))
}

fn refused(stage: &str, error: &jsonschema::ValidationError<'_>, pointer: &str, span: &Span) -> Diagnostic {
    let message = format!(
        "`{}` of stage `{stage}` is refused by the plugin's schema",
        name_of(pointer)
    );
    Diagnostic::error("config/refused", message).at(span, error.to_string())
}

/// Words with a description each, and values that may be left out, are alternatives in JSON Schema; people know them as a list
/// of words and as the value itself.
fn explain_alternatives(
    stage: &str,
    schema: &Value,
    error: &jsonschema::ValidationError<'_>,
    alternatives: &[Value],
    context: &[Vec<jsonschema::ValidationError<'static>>],
    pointer: &str,
    written: &Config,
) -> Vec<Diagnostic> {
    let span = place(pointer, written);
    let words: Option<Vec<&Value>> = alternatives
        .iter()
        .map(words)
        .collect::<Option<Vec<_>>>()
        .map(|words| words.concat());
    if let Some(words) = words.filter(|words| !words.is_empty() && error.instance().is_string()) {
        let options = Value::from_iter(words.into_iter().cloned());
        return vec![not_one_of(stage, error.instance(), &options, pointer, &span)];
    }
    // TOML has no null, so that alternative is never the one that was meant.
    let is_null = |alternative: &Value| alternative.get("type").and_then(Value::as_str) == Some("null");
    let meant: Vec<_> = alternatives
        .iter()
        .zip(context)
        .filter(|(alternative, _)| !is_null(alternative))
        .collect();
    match meant.as_slice() {
        [(_, errors)] => {
            let explain = |error: &jsonschema::ValidationError<'_>| {
                explain(stage, schema, error, error.instance_path().as_str(), written)
            };
            errors.iter().take(MAX_ERRORS).flat_map(explain).collect()
        }
        _ => vec![refused(stage, error, pointer, &span)],
    }
}

/// The values of a schema that allows only some; `None` for one that says more.
fn words(alternative: &Value) -> Option<Vec<&Value>> {
    match (
        alternative.get("const"),
        alternative.get("enum").and_then(Value::as_array),
    ) {
        (Some(word), _) => Some(vec![word]),
        (None, Some(words)) => Some(words.iter().collect()),
        (None, None) => None,
    }
}

/// Where an evaluation was, which goes through references: `/properties/a/$ref/required`.
fn look_up<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(schema, |at, token| match token {
        "$ref" => schema.pointer(at.get("$ref")?.as_str()?.strip_prefix('#')?),
        token => at.pointer(&format!("/{token}")),
    })
}

fn unknown_key(
    stage: &str,
    key: &str,
    pointer: &str,
    known: &serde_json::Map<String, Value>,
    written: &Config,
) -> Diagnostic {
    let full = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    let span = written
        .keys
        .get(&full)
        .cloned()
        .unwrap_or_else(|| place(&full, written));
    let message = format!("stage `{stage}` does not know the key `{}{key}`", dotted(pointer));
    let mut mistake = Diagnostic::error("config/unknown-key", message);
    mistake = match suggest(key, known.keys().map(String::as_str)) {
        Some(similar) => mistake.at(&span, format!("did you mean `{similar}`?")),
        None => mistake.at(&span, "not known"),
    };
    if known.is_empty() {
        return mistake.help("this stage takes no keys here");
    }
    mistake.help(format!("it knows {}", list(known.keys().map(String::as_str))))
}

fn not_one_of(stage: &str, found: &Value, options: &Value, pointer: &str, span: &Span) -> Diagnostic {
    let options: Vec<_> = options
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let message = format!(
        "`{}` of stage `{stage}` has none of the possible values",
        name_of(pointer)
    );
    let similar = found.as_str().and_then(|text| suggest(text, options.iter().copied()));
    let label = similar.map_or_else(
        || "not one of them".to_owned(),
        |similar| format!("did you mean \"{similar}\"?"),
    );
    Diagnostic::error("config/not-one-of", message)
        .at(span, label)
        .help(format!("possible are {}", list(options)))
}

/// The properties of the object schema in which the keyword at `schema_path` stands.
fn properties(schema: &Value, schema_path: &str) -> serde_json::Map<String, Value> {
    let parent = schema_path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let object = look_up(schema, parent)
        .and_then(|object| object.get("properties"))
        .and_then(Value::as_object);
    object.cloned().unwrap_or_default()
}

fn place(pointer: &str, written: &Config) -> Span {
    let mut pointer = pointer;
    loop {
        if let Some(span) = written.spans.get(pointer) {
            return span.clone();
        }
        match pointer.rsplit_once('/') {
            Some((parent, _)) => pointer = parent,
            None => return 0..0,
        }
    }
}

fn name_of(pointer: &str) -> String {
    if pointer.is_empty() {
        "with".into()
    } else {
        pointer.trim_start_matches('/').replace('/', ".")
    }
}

fn dotted(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!("{}.", name_of(pointer))
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words
        .into_iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn type_text(name: &str) -> String {
    match name {
        "object" => "a table".into(),
        "array" => "a list".into(),
        "integer" => "an integer".into(),
        "null" => "nothing".into(),
        other => format!("a {other}"),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the string \"{text}\""),
        Value::Number(number) => format!("the number {number}"),
        Value::Bool(value) => format!("`{value}`"),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a table".into(),
        Value::Null => "nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_manifest::{Source, parse};

    use super::*;

    /// As schemars writes it for a struct with an optional struct, an optional text and words with and without a description.
    fn schema_of_a_plugin() -> Value {
        json!({
            "type": "object",
            "properties": {
                "title": { "type": ["string", "null"] },
                "project": { "anyOf": [{ "$ref": "#/$defs/Project" }, { "type": "null" }] },
                "installer": { "$ref": "#/$defs/Choice" },
                "timeout": { "$ref": "#/$defs/Time" },
                "wait": { "type": ["string", "null"], "pattern": "^[0-9]+s$", "examples": ["90s", "5s"] },
                "word": { "type": "string", "pattern": "^\\S+$" }
            },
            "additionalProperties": false,
            "$defs": {
                "Project": {
                    "type": "object",
                    "properties": { "extras": { "type": "array" }, "folder": { "type": "string" } },
                    "additionalProperties": false
                },
                "Time": { "type": "string", "pattern": "^[0-9]+s$", "examples": ["90s"] },
                "Choice": { "oneOf": [{ "enum": ["pip", "uv"] }, { "const": "auto", "description": "Whatever is there." }] }
            }
        })
    }

    fn found(with: &str) -> Vec<Diagnostic> {
        let text = format!("[stages.a]\nuses = \"x\"\nwith = {with}\n");
        let manifest = parse(&Source::new("t", text)).unwrap().manifest;
        let with = &manifest.stages[0].with;
        check("a", &schema_of_a_plugin(), &with.value, &BTreeMap::new(), with)
    }

    fn mistakes(with: &str) -> Vec<String> {
        found(with)
            .iter()
            .map(|mistake| format!("{}: {}", mistake.code, mistake.message))
            .collect()
    }

    #[test]
    fn what_is_right_passes() {
        assert_eq!(
            mistakes("{ title = 'x', project = { extras = [] }, installer = 'auto' }"),
            [""; 0]
        );
    }

    /// Each `${…}` text stands where the schema wants a number, and there may be many of them.
    #[test]
    fn what_is_not_known_yet_hides_no_mistake() {
        let schema = json!({
            "type": "object",
            "properties": { "counts": { "type": "array", "items": { "type": "integer" } }, "title": { "type": "string" } }
        });
        let counts = vec!["'${stages.b.outputs.n}'"; 2 * MAX_ERRORS].join(", ");
        let text = format!("[stages.a]\nuses = \"x\"\nwith = {{ counts = [{counts}], title = 5 }}\n");
        let manifest = parse(&Source::new("t", text)).unwrap().manifest;
        let with = &manifest.stages[0].with;
        let unknown = (0..2 * MAX_ERRORS).map(|index| (format!("/counts/{index}"), String::new()));
        let found = check("a", &schema, &with.value, &unknown.collect(), with);
        let messages: Vec<_> = found.iter().map(|mistake| mistake.message.as_str()).collect();
        assert_eq!(messages, ["`title` of stage `a` has the wrong type"]);
    }

    #[test]
    fn words_with_descriptions_are_words() {
        assert_eq!(
            mistakes("{ installer = 'pipp' }"),
            ["config/not-one-of: `installer` of stage `a` has none of the possible values"]
        );
    }

    #[test]
    fn a_pattern_is_explained_by_the_schema_s_examples() {
        let labels = |with: &str| -> Vec<String> {
            found(with)
                .iter()
                .map(|mistake| format!("{}: {}", mistake.message, mistake.label.as_ref().unwrap().1))
                .collect()
        };
        assert_eq!(
            labels("{ timeout = '5x', wait = '5x' }"),
            [
                "`timeout` of stage `a` is not written as it has to be: write it as in \"90s\"",
                "`wait` of stage `a` is not written as it has to be: write it as in \"90s\", \"5s\"",
            ]
        );
        assert_eq!(
            labels("{ word = 'a b' }"),
            ["`word` of stage `a` is refused by the plugin's schema: \"a b\" does not match \"^\\S+$\""]
        );
    }

    #[test]
    fn an_optional_table_is_explained_as_the_table() {
        assert_eq!(
            mistakes("{ project = { extra = [], folder = 5 } }"),
            [
                "config/wrong-type: `project.folder` of stage `a` has the wrong type",
                "config/unknown-key: stage `a` does not know the key `project.extra`"
            ]
        );
        assert_eq!(
            mistakes("{ project = 5 }"),
            ["config/wrong-type: `project` of stage `a` has the wrong type"]
        );
    }
}
