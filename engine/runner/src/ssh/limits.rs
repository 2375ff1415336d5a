//! Every number that bounds an SSH connection, with its reason.

use std::time::Duration;

use tidegate_sandbox::limits as contract;

/// Captured output of one command, both streams together; what a person wants to read is in the log.
pub(super) const CAPTURE_BYTES: usize = contract::CAPTURE_BYTES;

/// The largest file that `read_file` returns.
pub(super) const READ_FILE_BYTES: usize = contract::FILE_BYTES;

/// Error output kept for a message about a failed command of our own.
pub(super) const ERROR_TEXT_BYTES: usize = 2 << 10;

/// Entries of one uploaded tree, and of the tree on the other side. A large site has some ten thousand files.
pub(super) const TREE_ENTRIES: usize = 100_000;

/// Nesting of an uploaded tree: far beyond real trees, and it keeps a path below the kernel's 4,096 bytes in practice.
pub(super) const TREE_DEPTH: usize = 64;

/// Bytes of one upload. A tar header has eleven octal digits for a size.
pub(super) const UPLOAD_BYTES: u64 = (8 << 30) - 1;

/// Listing of the tree on the other side: 100,000 entries with long paths.
pub(super) const LISTING_BYTES: usize = 64 << 20;

/// Arguments of one remote program. POSIX promises 4 KiB, every system of today 128 KiB.
pub(super) const ARGUMENT_BYTES: usize = 64 << 10;

/// Piece in which files are read and sent: the usual packet of the protocol.
pub(super) const CHUNK_BYTES: usize = 32 << 10;

/// Links followed while a link's end is looked up, as in the kernel.
pub(super) const LINK_HOPS: usize = 40;

/// A daemon started by a command may keep its output open for ever. Once the command's exit status is known, this much
/// silence ends the wait…
pub(super) const QUIET_AFTER_EXIT: Duration = Duration::from_secs(2);

/// …and this much time ends it though the daemon goes on talking.
pub(super) const TALK_AFTER_EXIT: Duration = Duration::from_secs(60);

/// Between the signals TERM and KILL, and between KILL and the closing of the channel.
pub(super) const SIGNAL_GRACE: Duration = Duration::from_millis(500);

/// For commands that are ended after their stage is over: both signals with their grace, and two round trips to a distant host.
/// The end of a run waits for it, after a second Ctrl-C too.
pub(super) const ENDINGS_TIME: Duration = Duration::from_secs(2);

/// For `kill` on a second channel: a round trip and the start of a process, on a loaded host.
pub(super) const KILL_TIME: Duration = Duration::from_secs(5);

/// Error output in which the number of the command's process group is looked for. It comes first, after what the shell's
/// start-up files print.
pub(super) const MARK_SEARCH_BYTES: usize = 16 << 10;

/// Unanswered keepalives before the connection counts as dead.
pub(super) const KEEPALIVES_UNANSWERED: usize = 3;

/// Messages that wait between the connection and one command; the protocol's window bounds them as well.
pub(super) const CHANNEL_MESSAGES: usize = 32;
