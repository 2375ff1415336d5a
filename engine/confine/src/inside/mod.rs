//! The code that runs in the helper process, between the engine and the programs. It is single-threaded from its first line
//! to its last, so `fork` is sound here and nothing of it may run in the engine itself.
//!
//! `Supervisor` (one per Cell) makes the namespaces and the file system; for each command it forks an `Init` (pid 1 of the
//! command's own namespace), which forks the `program` and reports its end.

mod ahead;
mod cgroup;
mod disk;
mod entry;
mod file_system;
mod fork;
mod gate;
mod grants;
mod held;
mod id_map;
mod identity;
mod init;
mod landlock;
mod loopback;
mod made;
mod memory;
mod mount;
mod namespaces;
mod own_id;
mod own_proc;
mod program;
mod real;
mod rlimits;
mod room;
mod root;
mod shared_machine;
mod shares;
mod sockets;
mod sources;
mod submounts;
mod supervisor;
mod sweep;
mod system_calls;
mod usage;
mod views;
mod walls;
mod watcher;
mod workspace;

pub(crate) use entry::HELPER_ARGUMENT;
pub use entry::run_helper_if_asked;
