//! What a machine offers for confining programs.

use crate::failure::Why;
use crate::ids::Ids;
use crate::program_limits::HeldLimits;

/// The answer of `probe`. Each part is what the full level needs; one that could not be tried because an earlier one failed
/// repeats the earlier one's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The release, as `uname -r` shows it.
    pub kernel: String,
    pub user_namespaces: Result<(), Why>,
    /// The private file system, the overlay included.
    pub file_system: Result<(), Why>,
    /// Landlock, the filter of system calls, and a program that started and ended in a Cell.
    pub programs: Result<(), Why>,
    /// Of a Cell at the full level; None where there is none.
    pub holds: Option<Holds>,
}

/// What differs from machine to machine at the full level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    pub ids: Ids,
    pub limits: HeldLimits,
}

impl Machine {
    /// The first thing that stands in the way of the full level.
    pub fn full(&self) -> Result<(), &Why> {
        self.user_namespaces.as_ref()?;
        self.file_system.as_ref()?;
        self.programs.as_ref().map(|_| ())
    }
}
