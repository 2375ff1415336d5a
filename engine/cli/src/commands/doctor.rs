//! `doctor`: what this machine offers.

use crate::args::DoctorArgs;
use crate::console::Console;
use crate::failure::Failure;

pub(crate) fn run(_args: DoctorArgs, _console: &Console) -> Result<u8, Failure> {
    Ok(0)
}
