//! `--set KEY=VALUE` for the manifest's `[vars]`.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_manifest::{Diagnostic, Manifest, suggest};

/// The variables of the manifest with the overrides in place, and what is wrong with the overrides. An override has the type of the default that it replaces.
pub fn apply_overrides(
    manifest: &Manifest,
    overrides: &[(String, String)],
) -> (BTreeMap<String, Value>, Vec<Diagnostic>) {
    let mut vars: BTreeMap<String, Value> = manifest
        .vars
        .iter()
        .map(|(name, value)| (name.clone(), value.value.clone()))
        .collect();
    let mut mistakes = Vec::new();
    for (name, text) in overrides {
        let Some(value) = vars.get_mut(name) else {
            let mut mistake =
                Diagnostic::error("vars/unknown", format!("--set names `{name}`, which is not in [vars]"));
            mistake = match suggest(name, manifest.vars.keys().map(String::as_str)) {
                Some(similar) => mistake.help(format!("did you mean `{similar}`?")),
                None => mistake.paste(format!("[vars]\n{name} = {}", Value::from(text.as_str()))),
            };
            mistakes.push(mistake);
            continue;
        };
        match parse_like(value, text) {
            Ok(parsed) => *value = parsed,
            Err(expected) => {
                let message = format!("--set {name}={text}: expected {expected}, as the default in [vars] is one");
                mistakes
                    .push(Diagnostic::error("vars/wrong-type", message).at(&manifest.vars[name].span, "the default"));
            }
        }
    }
    (vars, mistakes)
}

fn parse_like(default: &Value, text: &str) -> Result<Value, &'static str> {
    match default {
        Value::Number(_) => text.parse::<i64>().map(Value::from).map_err(|_| "an integer"),
        Value::Bool(_) => text.parse::<bool>().map(Value::from).map_err(|_| "`true` or `false`"),
        _ => Ok(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_manifest::Spanned;

    use super::*;

    fn manifest() -> Manifest {
        let var = |value: Value| Spanned::new(value, 0..1);
        let vars = [
            ("host", var("a.example".into())),
            ("port", var(22.into())),
            ("fast", var(false.into())),
        ];
        Manifest {
            vars: vars.map(|(name, value)| (name.to_owned(), value)).into(),
            ..Manifest::default()
        }
    }

    fn apply(sets: &[(&str, &str)]) -> Result<BTreeMap<String, Value>, Vec<String>> {
        let sets: Vec<_> = sets
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let (vars, mistakes) = apply_overrides(&manifest(), &sets);
        let messages: Vec<_> = mistakes.into_iter().map(|mistake| mistake.message).collect();
        if messages.is_empty() { Ok(vars) } else { Err(messages) }
    }

    #[test]
    fn an_override_has_its_defaults_type() {
        let vars = apply(&[("port", "2222"), ("fast", "true"), ("host", "7")]).unwrap();
        assert_eq!(vars["port"], 2222);
        assert_eq!(vars["fast"], true);
        assert_eq!(vars["host"], "7");
        assert_eq!(
            apply(&[("port", "ssh")]).unwrap_err(),
            ["--set port=ssh: expected an integer, as the default in [vars] is one"]
        );
    }

    #[test]
    fn an_unknown_variable_is_an_error() {
        assert_eq!(
            apply(&[("prot", "1")]).unwrap_err(),
            ["--set names `prot`, which is not in [vars]"]
        );
    }
}
