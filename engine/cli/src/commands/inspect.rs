//! `tidegate inspect`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use tidegate_runner::neutralise_lines;

use crate::args::InspectArgs;
use crate::console::Console;
use crate::failure::{DENIED, Failure};
use crate::project::Engine;
use crate::standard;

/// What a component says of itself is untrusted text.
pub(crate) fn run(args: InspectArgs, console: &Console) -> Result<u8, Failure> {
    let engine = Engine::start()?;
    let here = std::env::current_dir().map_err(Failure::usage)?;
    let path = Path::new(&args.component);
    let (origin, bytes) = if path.is_file() {
        let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        (path.display().to_string(), bytes)
    } else {
        let found = standard::catalog().find(&args.component, &BTreeMap::new(), &here);
        let (origin, bytes) = found.map_err(|error| {
            Failure::usage(&error).hint("give a component's file, or a name of `tidegate list --standard`")
        })?;
        (origin.describe(), bytes)
    };
    let size = tidegate_manifest::ByteSize(bytes.len() as u64);
    let imports = tidegate_sandbox::imports(&bytes);
    let invalid = |message: String, help: &str| Failure::Text {
        exit_code: DENIED,
        message,
        hints: if help.is_empty() { Vec::new() } else { vec![help.into()] },
    };
    let component = engine
        .runtime
        .block_on(engine.sandbox.load(bytes))
        .map_err(|error| invalid(format!("{origin}: {error}"), error.help()))?;
    let description = engine
        .runtime
        .block_on(engine.sandbox.describe(&component))
        .map_err(|error| invalid(format!("{origin} does not describe itself: {error}"), ""))?;

    let mut out = console.stdout();
    let line = |text: &str| neutralise_lines(text).replace('\n', " ");
    writeln!(
        out,
        "\x1b[1m{}\x1b[0m {}",
        line(&description.name),
        line(&description.version)
    )?;
    writeln!(out, "{}\n", line(&description.summary))?;
    writeln!(out, "  from     {origin}, {size}")?;
    writeln!(out, "  digest   {}", component.digest())?;
    writeln!(
        out,
        "  imports  {}",
        imports
            .iter()
            .map(|name| line(name))
            .collect::<Vec<_>>()
            .join("\n           ")
    )?;
    let schema: Value = serde_json::from_str(&description.config_schema).unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    writeln!(out, "\n  with")?;
    for (key, property) in properties.into_iter().flatten() {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = text.lines().next().unwrap_or_default();
        let needed = if required.contains(&key.as_str()) {
            " (required)"
        } else {
            ""
        };
        writeln!(out, "    {:<16} {}{needed}", line(key), line(text))?;
    }
    if properties.is_none_or(serde_json::Map::is_empty) {
        writeln!(out, "    nothing")?;
    }
    Ok(0)
}
