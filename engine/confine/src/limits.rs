//! Every limit of this crate, each with its reason.

use std::time::Duration;

/// Folders and files that are hidden, together. Each is a mount, and each command's namespace copies all of them.
pub(crate) const MASKS: usize = 4_096;

/// Folders that are pinned because of what is hidden or read-only in them. Each is a mount too.
pub(crate) const PINNED: usize = 4_096;

/// Entries of a workspace that are looked at for hidden names: some ten times the largest repositories with their `node_modules`.
pub(crate) const WALKED_ENTRIES: usize = 5_000_000;

/// Entries that are allowed one by one because something beside them is hidden: what a folder of generated files may hold.
/// Each is a rule, which the kernel looks up in a tree.
pub(crate) const PARTS: usize = 65_536;

/// Folders without anything hidden that a View hands out where it has no mounts: each is an open file of the engine.
pub(crate) const VIEW_FOLDERS: usize = 128;

/// Depth of folders in the workspace. PATH_MAX ends an ordinary tree earlier.
pub(crate) const WALKED_DEPTH: usize = 512;

/// `write` folders of one Cell: their descriptors travel in one message, and the kernel allows 253 in it (SCM_MAX_FD).
pub(crate) const WRITE_FOLDERS: usize = 128;

/// Programs of one Cell that run at the same time. A stage that needs more has lost count of them.
pub(crate) const RUNNING_COMMANDS: usize = 256;

/// One message between the engine and a Cell. Arguments and environment of a program are at most 2 MiB on Linux (a quarter of
/// the default stack limit), and JSON may double that.
pub(crate) const MESSAGE_BYTES: u32 = 8 << 20;

/// What programs may leave in the private overlay: room for a test database, media and caches; it is memory, so not more.
pub(crate) const OVERLAY_BYTES: &str = "2g";

/// Files in the overlay: each takes about 1 KiB of kernel memory whatever its size.
pub(crate) const OVERLAY_FILES: &str = "1m";

/// The private `/tmp`. Like the overlay it is memory; what is bigger belongs into scratch.
pub(crate) const TMP_BYTES: &str = "1g";

/// `/dev/shm`: multiprocessing and browsers put semaphores and buffers there, Docker's 64 MiB are known to be too few.
pub(crate) const SHM_BYTES: &str = "512m";

/// The root, `/etc` and `/dev` hold folders and a few small files only.
pub(crate) const ROOT_BYTES: &str = "4m";

/// For a Cell to be ready. Walking the workspace is the slow part; a minute covers cold caches of network file systems.
pub(crate) const START_TIME: Duration = Duration::from_secs(60);

/// For a command to reach its `exec`. It needs milliseconds; a loaded machine gets a wide margin.
pub(crate) const SPAWN_TIME: Duration = Duration::from_secs(30);

/// For a Cell's helper to end after it was told to; then it is killed, which ends everything too.
pub(crate) const END_TIME: Duration = Duration::from_secs(2);

/// Connections of one command that its first process waits for at the same time: each is an open file there.
pub(crate) const WAITING_CONNECTS: usize = 256;

/// Until a full Unix socket is tried again: unnoticed by programs, and no load.
pub(crate) const CONNECT_PAUSE: Duration = Duration::from_millis(10);

/// Refused destinations of one command that the engine is told, each once: what a reader takes in.
pub(crate) const REFUSED_NOTES: usize = 64;

/// Forwarded connections that a `Child` keeps for whoever asks for them, the newest ones.
pub(crate) const FORWARDED_KEPT: usize = 4_096;

/// For the first processes of commands to end their trees where no namespace ends with them: half of what the helper gets.
pub(crate) const TREE_TIME: Duration = Duration::from_secs(1);

/// What the helper's standard error may add to an error text.
pub(crate) const HELPER_STDERR_BYTES: u64 = 4_096;

/// Links in one path, as in the kernel (MAXSYMLINKS).
pub(crate) const LINKS: usize = 40;

/// Passes of the sweep that ends an unconfined process tree, one millisecond apart: a tree that outruns 5,000 of them forks
/// on purpose, and without namespaces nothing better can be done about it.
pub(crate) const SWEEP_PASSES: usize = 5_000;
