//! `tidegate inspect`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use tidegate_runner::{CatalogError, one_line};
use tidegate_sandbox::{ProbeError, Request};

use crate::args::InspectArgs;
use crate::console::Console;
use crate::failure::{DENIED, Failure};
use crate::project::Engine;
use crate::render::{BOLD, RESET, hang};
use crate::standard;

const WHAT_TO_GIVE: &str = "give a component's file, or a name of `tidegate list --standard`";

/// What a component says of itself is untrusted text.
pub(crate) fn run(args: InspectArgs, console: &Console) -> Result<u8, Failure> {
    let engine = Engine::start()?;
    let here = std::env::current_dir().map_err(Failure::usage)?;
    let path = Path::new(&args.component);
    let (origin, bytes) = if path.is_file() {
        let bytes = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        (path.display().to_string(), bytes)
    } else {
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a folder", path.display())).hint(WHAT_TO_GIVE));
        }
        let found = standard::catalog().find(&args.component, &BTreeMap::new(), &here);
        let (origin, bytes) = found.map_err(|error| match &error {
            CatalogError::Unknown {
                similar: Some(similar), ..
            } => Failure::usage(&error).hint(format!("did you mean `{similar}`?")),
            _ => Failure::usage(&error).hint(WHAT_TO_GIVE),
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

    let mut page = Page::new(console.width());
    page.add(
        "",
        &format!(
            "{BOLD}{}{RESET} {}",
            one_line(&description.name),
            one_line(&description.version)
        ),
    );
    page.add("", &one_line(&description.summary));
    page.text.push('\n');
    page.row("from", &[format!("{origin}, {size}")]);
    page.row("digest", &[component.digest().to_string()]);
    page.row(
        "imports",
        &imports.iter().map(|name| one_line(name)).collect::<Vec<_>>(),
    );
    let asks = engine
        .runtime
        .block_on(engine.sandbox.requests(&component, NO_SETTINGS));
    match asks {
        Ok(requests) => {
            let text = |request: &Request| {
                let optional = if request.optional { "optional " } else { "" };
                one_line(&format!(
                    "{optional}{} {}: {}",
                    request.capability, request.name, request.reason
                ))
            };
            page.row("asks for", &requests.iter().map(text).collect::<Vec<_>>());
        }
        // Some of its settings are required.
        Err(ProbeError::Refused(_)) => {
            page.row(
                "asks for",
                &["what its settings call for: `tidegate plan` shows it".into()],
            );
        }
        Err(error) => page.row("asks for", &[format!("nothing is known: {error}")]),
    }
    page.text.push('\n');
    page.settings(&description.config_schema);
    console.stdout().write_all(page.text.as_bytes())?;
    Ok(0)
}

/// The input of `requests` for a stage without a `with` table.
const NO_SETTINGS: &str = r#"{"config":{},"unknown":[]}"#;

struct Page {
    width: usize,
    text: String,
}

impl Page {
    fn new(width: usize) -> Self {
        let text = String::new();
        Self { width, text }
    }

    fn add(&mut self, lead: &str, text: &str) {
        self.text.push_str(&hang(lead, text, Some(self.width)));
        self.text.push('\n');
    }

    fn row(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.add(&format!("  {label:<8} "), line);
        }
    }

    /// The keys of `with`, as the JSON Schema describes them.
    fn settings(&mut self, schema: &str) {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        self.text.push_str("  with\n");
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let text = property["description"].as_str().unwrap_or_default();
            // The first paragraph. Documentation in a source file breaks its lines where that file's margin is.
            let text: Vec<_> = text.lines().take_while(|line| !line.trim().is_empty()).collect();
            let text = one_line(&text.join(" "));
            let needed = if required.iter().any(|name| name.as_str() == Some(key)) {
                " (required)"
            } else {
                ""
            };
            self.add(&format!("    {:<16} ", one_line(key)), &format!("{text}{needed}"));
        }
        if schema["properties"].as_object().is_none_or(serde_json::Map::is_empty) {
            self.add("    ", "nothing");
        }
    }
}
