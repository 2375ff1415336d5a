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

/// Depth of folders in the workspace: ordinary trees have some ten. What is deeper is hidden.
pub(crate) const WALKED_DEPTH: usize = 512;

/// Length of an absolute path in the workspace; what is longer is hidden. With a name of 255 bytes behind it, it still can be
/// looked at by its path (PATH_MAX, 4,096).
pub(crate) const WALKED_PATH_BYTES: usize = 3_000;

/// `write` folders of one Cell: their descriptors travel in one message, which holds 253.
pub(crate) const WRITE_FOLDERS: usize = 128;

/// Programs of one Cell that run at the same time. A stage that needs more has lost count of them.
pub(crate) const RUNNING_COMMANDS: usize = 256;

/// One message between the engine and a Cell. Arguments and environment of a program are at most 2 MiB on Linux (a quarter of
/// the default stack limit), and JSON may double that.
pub(crate) const MESSAGE_BYTES: u32 = 8 << 20;

/// Network destinations of one Cell. Each has up to two listeners, and their descriptors travel in one message with those of the
/// `write` folders; an index of packages and its file hosts are a handful.
pub(crate) const DESTINATIONS: usize = 60;

/// Connections of one Cell at the same time: each is two threads of the engine. Package installers open some ten.
pub(crate) const CONNECTIONS: usize = 256;

/// To connect to one address: what an ordinary client waits before it tries the next one.
pub(crate) const DIAL_TIME: Duration = Duration::from_secs(10);

/// For what programs have sent last to be passed on, once they have ended: ordinary hosts take it in milliseconds.
pub(crate) const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The gate's thread goes nowhere deep.
pub(crate) const KEEPER_STACK_BYTES: usize = 256 << 10;

/// Listeners in the Cell for names below granted domains: each is an open file of the engine. Content networks have some ten names.
pub(crate) const NEW_LISTENERS: usize = 128;

/// For one connection to the Cell's name server, however it is used.
pub(crate) const QUERIES_TIME: Duration = Duration::from_secs(30);

/// For a gate to say whose connection it is that the engine has accepted: it does so next, on a machine that may be busy.
pub(crate) const ANNOUNCE_TIME: Duration = Duration::from_secs(2);

/// For the next query over an open TCP connection to the Cell's name server.
pub(crate) const QUERY_TIME: Duration = Duration::from_secs(5);

/// Names that were looked up and are not granted, as far as they are told of.
pub(crate) const DENIED_TOLD: usize = 64;

/// The threads of a Cell's network have shallow stacks, and there may be many.
pub(crate) const RELAY_STACK_BYTES: usize = 256 << 10;

/// What one read of a connection takes: large enough that system calls do not count.
pub(crate) const RELAY_BUFFER_BYTES: usize = 64 << 10;

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

/// Tries to open a path while mounts change under it. Each takes microseconds, and one of them falls between two mounts.
pub(crate) const OPEN_TRIES: usize = 1_000;

/// Passes of the sweep that ends an unconfined process tree, one millisecond apart: a tree that outruns 5,000 of them forks
/// on purpose, and without namespaces nothing better can be done about it.
pub(crate) const SWEEP_PASSES: usize = 5_000;

/// Tries to empty a control group of the engine's processes while they start others.
pub(crate) const MOVES: usize = 10;

/// Of the machine's memory, in percent, where nothing else is said: the programs end before the kernel has to choose whom it kills.
pub(crate) const MEMORY_PERCENT: u64 = 80;

/// Between two looks at what programs take. A program fills some 2 GB in a second, so 100 MB between two of them.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Counts of shared memory in one look while processes come and go: each is at most what there was.
pub(crate) const EXACT_COUNTS: usize = 4;

/// Looks in a row over the limit that programs are ended for: what they share may change hands while it is counted, once.
pub(crate) const LOOKS_OVER: u32 = 2;

/// Pause after a look, in multiples of the time that it took: many processes are looked at less often, so that the looks take a
/// twentieth of one processor at most.
pub(crate) const LOOK_SHARE: u32 = 19;

/// Free space below which programs that write to a file system are ended, or one percent of it where that is less: what a machine
/// needs to go on working, its logs and the engine's journal included.
pub(crate) const DISK_FLOOR_BYTES: u64 = 512 << 20;

/// The same for the number of files, where a file system limits it.
pub(crate) const DISK_FLOOR_FILES: u64 = 16_384;

/// The last line, for memory that no look at processes sees: below this much of the machine's memory, or two percent of it where
/// that is less, the kernel is about to kill something.
pub(crate) const MACHINE_MEMORY_FLOOR: u64 = 256 << 20;

/// Kernel memory of a file on tmpfs beside its content.
pub(crate) const TMPFS_FILE_BYTES: u64 = 1_024;

/// Kernel memory of a System V semaphore (a cache line).
pub(crate) const SEMAPHORE_BYTES: u64 = 64;

/// Open files of one process: databases ask for some ten thousand. Each may hold a pipe's or a socket's buffer in kernel memory.
pub(crate) const OPEN_FILES: u64 = 65_536;

/// Memory that one process keeps from being swapped out: the kernel's default.
pub(crate) const LOCKED_BYTES: u64 = 8 << 20;

/// POSIX message queues are kernel memory: the kernel's default.
pub(crate) const MESSAGE_QUEUE_BYTES: u64 = 819_200;

/// Queued signals and POSIX timers are kernel memory, some hundred bytes each.
pub(crate) const PENDING_SIGNALS: u64 = 16_384;

/// Folders that a stage gets by WASI where nobody checks names in them. A guest looks through all of them for each path.
#[cfg(any(not(target_os = "linux"), test))]
pub(crate) const FREE_FOLDERS: usize = 256;
