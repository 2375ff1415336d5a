//! `init [FOLDER]`: a manifest for the Django project that is there.

use crate::args::InitArgs;
use crate::console::Console;
use crate::failure::Failure;

pub fn run(args: InitArgs, _console: &Console) -> Result<u8, Failure> {
    Err(Failure::usage(format!(
        "no Django project in {}",
        args.folder.display()
    )))
}
