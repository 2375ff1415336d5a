//! The code that runs in the helper process, between the engine and the programs. It is single-threaded from its first line
//! to its last, so `fork` is sound here and nothing of it may run in the engine itself.
//!
//! `Supervisor` (one per Cell) makes the namespaces and the file system; for each command it forks an `Init` (pid 1 of the
//! command's own namespace), which forks the `program` and reports its end.

mod entry;
mod fork;
mod gate;
mod grants;
mod identity;
mod init;
mod landlock;
mod mount;
mod namespaces;
mod program;
mod root;
mod shared_machine;
mod sources;
mod supervisor;
mod sweep;
mod system_calls;
mod walls;
mod workspace;

pub(crate) use entry::HELPER_ARGUMENT;
pub use entry::run_helper_if_asked;
