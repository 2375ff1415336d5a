//! `tidegate plan`.

use std::io::Write;

use crate::args::{Format, PlanArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::project::{Engine, PlanOptions};
use crate::render::plan_text;

pub(crate) fn run(args: PlanArgs, console: &Console) -> Result<u8, Failure> {
    let engine = Engine::start()?;
    let prepared = engine.plan(&args.project, &args.selection, PlanOptions::default())?;
    let plan = &prepared.planned.plan;
    let mut out = console.stdout();
    match args.format {
        Format::Human => write!(out, "{}", plan_text(plan, &engine.host, console.width()))?,
        Format::Json => writeln!(out, "{}", serde_json::to_string(plan).map_err(Failure::internal)?)?,
    }
    out.flush()?;
    console.warn(&prepared.planned.warnings, &prepared.source)?;
    Ok(0)
}
