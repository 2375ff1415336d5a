//! What a stage asks for and was not given, with the lines to paste.

use tidegate_manifest::{Diagnostic, Stage};
use tidegate_sandbox::Request;

use super::capability::CAPABILITIES;
use crate::neutral::neutralise;

/// Longest reason that is shown: it was written by the stage's author.
const MAX_REASON_CHARS: usize = 160;

/// One diagnostic for a stage, whatever the number of its missing grants: one set of lines to paste.
pub(super) fn missing_grants(stage: &Stage, missing: &[&Request]) -> Diagnostic {
    let what = match missing {
        [one] => format!("`{}` ({})", one.capability, one.name),
        several => format!("{} grants", several.len()),
    };
    let name = &stage.name.value;
    let message = format!("stage `{name}` needs {what} that the manifest does not give");
    let mut mistake = Diagnostic::error("grant/missing", message).at(&stage.grant_span, "not granted here");
    for request in missing {
        mistake = mistake.help(format!(
            "{} {}: {}",
            request.capability,
            shown(&request.name),
            shown(&request.reason)
        ));
    }
    mistake.paste(paste(stage, missing))
}

/// A request for something that no grant can give.
pub(super) fn unknown_capability(stage: &Stage, request: &Request) -> Diagnostic {
    let message = format!(
        "stage `{}` asks for `{}`, which this version of Tidegate does not know",
        stage.name.value,
        shown(&request.capability)
    );
    Diagnostic::error("grant/unknown-capability", message)
        .at(&stage.uses.span, "asked by this plugin")
        .help(format!("it says: {}", shown(&request.reason)))
}

/// The stage's whole grant as it would have to be: lines for the stage's own table.
fn paste(stage: &Stage, missing: &[&Request]) -> String {
    let mut keys: Vec<String> = Vec::new();
    for capability in CAPABILITIES {
        let names: Vec<_> = missing
            .iter()
            .filter(|request| request.capability == capability)
            .collect();
        if names.is_empty() {
            continue;
        }
        let text = |name: &str| toml::Value::String(name.to_owned()).to_string();
        let list = || {
            names
                .iter()
                .map(|request| text(&request.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        keys.push(match capability {
            "source" => "source = true".into(),
            "exec" => {
                let bind =
                    |request: &&&Request| format!("{} = {}", toml_key(&request.name), text(program(&request.name)));
                format!("exec = {{ {} }}", names.iter().map(bind).collect::<Vec<_>>().join(", "))
            }
            "secrets" => {
                let bind = |request: &&&Request| format!("{} = {}", toml_key(&request.name), text(&request.name));
                format!(
                    "secrets = {{ {} }}",
                    names.iter().map(bind).collect::<Vec<_>>().join(", ")
                )
            }
            other => format!("{other} = [{}]", list()),
        });
    }
    // A grant that is there already is kept: the lines go beside what it has.
    let has_grant = stage.grant_span != stage.span;
    if has_grant {
        return format!(
            "# in the `grant` of [stages.{}]:\n{}",
            stage.name.value,
            keys.join("\n")
        );
    }
    format!("[stages.{}.grant]\n{}", stage.name.value, keys.join("\n"))
}

/// What the program is on most machines; the author of the manifest changes it where it is another.
fn program(name: &str) -> &str {
    match name {
        "python" => ".venv/bin/python",
        other => other,
    }
}

/// A key as TOML writes it: bare where that is possible.
pub(crate) fn toml_key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare {
        name.into()
    } else {
        toml::Value::String(name.into()).to_string()
    }
}

/// One line, without anything that acts on a terminal.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = neutralise(&line);
    if line.chars().count() <= MAX_REASON_CHARS {
        return line.into_owned();
    }
    line.chars().take(MAX_REASON_CHARS).chain(['…']).collect()
}
