//! `tidegate list`.

use std::io::Write;

use crate::args::ListArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::project::{Engine, Project};
use crate::render::hang;
use crate::standard;

pub(crate) fn run(args: ListArgs, console: &Console) -> Result<u8, Failure> {
    let mut out = console.stdout();
    if args.standard {
        let engine = Engine::start()?;
        for stage in standard::catalog().standard() {
            let component = engine.runtime.block_on(engine.sandbox.load(stage.component.to_vec()));
            let component = component.map_err(Failure::internal)?;
            let description = engine
                .runtime
                .block_on(engine.sandbox.describe(&component))
                .map_err(Failure::internal)?;
            let lead = format!("{:<22} {:<8} ", stage.name, description.version);
            writeln!(out, "{}", hang(&lead, &description.summary, Some(console.width())))?;
        }
        return Ok(0);
    }
    let project = Project::load(args.project.manifest.as_deref())?;
    for stage in &project.manifest.stages {
        let needs: Vec<_> = stage.needs.iter().map(|need| need.as_str()).collect();
        let needs = if needs.is_empty() {
            String::new()
        } else {
            format!("after {}", needs.join(", "))
        };
        let lead = format!("{:<16} {:<24} ", stage.name.as_str(), stage.uses.value);
        writeln!(out, "{}", hang(&lead, &needs, Some(console.width())))?;
    }
    Ok(0)
}
