//! `tidegate check`.

use std::io::Write;

use crate::args::{ProjectArgs, SelectionArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::project::{Engine, PlanOptions};
use crate::render::counted;

pub(crate) fn run(args: ProjectArgs, console: &Console) -> Result<u8, Failure> {
    let engine = Engine::start()?;
    let all = SelectionArgs {
        stages: Vec::new(),
        no_needs: false,
        skip: Vec::new(),
    };
    let prepared = engine.plan(&args, &all, PlanOptions::default())?;
    console.warn(&prepared.planned.warnings, &prepared.source)?;
    if !console.quiet {
        let stages = counted(prepared.planned.plan.stages.len() as u64, "stage");
        writeln!(console.stdout(), "{}: {stages}, no mistakes", prepared.source.path)?;
    }
    Ok(0)
}
