//! `explain [CODE]`: the page of a code, or the list of all codes.

use std::io::Write;

use crate::args::ExplainArgs;
use crate::console::Console;
use crate::failure::Failure;

pub(crate) fn run(args: ExplainArgs, console: &Console) -> Result<u8, Failure> {
    let code = args.code.unwrap_or_default();
    let page = tidegate_manifest::codes().iter().find(|(known, ..)| *known == code);
    let (.., text) = page.ok_or_else(|| Failure::usage(format!("there is no code `{code}`")))?;
    console.stdout().write_all(text.as_bytes())?;
    Ok(0)
}
