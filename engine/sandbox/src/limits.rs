//! Every fixed limit of the sandbox and of the contract, each with its reason. The ones that a manifest may set are in
//! [`StageLimits`].

use std::time::Duration;

use crate::StageLimits;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;

/// What a stage has for which the manifest sets no limits.
pub const DEFAULT_LIMITS: StageLimits = StageLimits {
    // A Python guest needs some 60 MiB to start; a parser over a large project, some 100.
    memory_bytes: 256 * MIB as u64,
    // Longer test runs are rare; what hangs should not hold a machine for a night.
    time: Duration::from_secs(60 * 60),
    // For a stage to end its programs and give back a lock.
    stop_grace: Duration::from_secs(5),
};

// Loading: wasmtime does not count a denial of service while it compiles as its own fault, so the bounds stand here.

/// A Python guest has 18 MiB. Compiling needs about 20 times the size in memory.
pub(crate) const COMPONENT_BYTES: usize = 64 * MIB;
/// A Python guest takes 10 s on two slow cores.
pub(crate) const COMPILE_TIME: Duration = Duration::from_secs(120);
/// All compiled code of one user: some 20 Python guests.
pub(crate) const CODE_CACHE_BYTES: u64 = 1024 * MIB as u64;

// The store. wasmtime's own defaults are for hosts that trust their guests.

/// Python and C# guests have up to 20,000 functions in their tables; each element costs the host 8 bytes.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// A Python guest has about 40 core instances with its libraries.
pub(crate) const INSTANCES: usize = 128;
/// A component of one language has one table for each of its libraries.
pub(crate) const TABLES: usize = 128;
/// Composed components have a memory each; all of them share the stage's bytes.
pub(crate) const MEMORIES: usize = 32;
/// What one call may copy from the guest: the largest standard input or HTTP body that makes sense, twice.
pub(crate) const HOSTCALL_BYTES: usize = 16 * MIB;
/// Streams, descriptors, pollables, commands: far more than a program keeps open.
pub(crate) const TABLE_ENTRIES: usize = 4_096;
/// Guests can make handles by `resource.new` without asking the host.
pub(crate) const COMPONENT_HANDLES: usize = 10_000;
/// One call for random bytes is copied by the host; keys and seeds need less than a KiB.
pub(crate) const RANDOM_BYTES: u64 = MIB as u64;
/// Different answers `not-granted` that are remembered: a stage gives up after one of the last.
pub(crate) const DENIALS: usize = 32;
/// A readable trace; the innermost frames say what happened.
pub(crate) const BACKTRACE_FRAMES: usize = 24;
/// How often a guest gives way to others. A spinning stage is gone this much after its end, at the latest.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(10);

// `describe` and `requests`, which run before anything is granted.

/// Both only build a few strings, but a Python guest may have to import its modules first.
pub(crate) const PROBE_TIME: Duration = Duration::from_secs(10);
/// As for a stage without limits of its own: the same code starts.
pub(crate) const PROBE_MEMORY_BYTES: u64 = DEFAULT_LIMITS.memory_bytes;
/// The largest schema of a standard stage has 4 KiB.
pub(crate) const SCHEMA_BYTES: usize = MIB;
/// A page of requests is already more than anyone reads.
pub(crate) const REQUESTS: usize = 256;
/// Names, versions, codes, keys, units, media types: one line on a screen.
pub(crate) const NAME_BYTES: usize = 256;

// Text that the stage sends without being asked.

/// Longer lines are cut into pieces: no reader of logs should need more memory for one.
pub(crate) const LINE_BYTES: usize = 16 * KIB;
/// All log text of a component itself in one attempt. (Programs have the engine's `output` limit.)
pub(crate) const LOG_BYTES: usize = 8 * MIB;
/// What a line costs beside its bytes, so that empty lines are not free: 8 MiB are at most 131,072 lines.
pub(crate) const LINE_COST: usize = 64;
/// A guest's write that the host takes at once; wasmtime's own streams have the same.
pub(crate) const WRITE_BYTES: usize = 64 * KIB;
/// Events between the guest and the sink; a full queue makes the guest wait.
pub(crate) const EVENTS_QUEUED: usize = 64;
/// Messages of findings and tests: an assertion with its diff.
pub(crate) const MESSAGE_BYTES: usize = 64 * KIB;
/// Nobody reads ten thousand findings, but a first lint of an old project may have them.
pub(crate) const FINDINGS: u32 = 10_000;
/// The largest public Django test suites have some 20,000.
pub(crate) const TESTS: u32 = 200_000;
pub(crate) const METRICS: u32 = 1_000;
/// One chapter of the run's report for each, 256 KiB together with the next.
pub(crate) const SUMMARIES: u32 = 16;
pub(crate) const SUMMARY_BYTES: usize = 64 * KIB;
/// Named extras of a finding or a test.
pub(crate) const EXTRAS: usize = 32;
/// A screen can't show more often, and people can't see it.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// All commands and requests that a stage is putting together, with their inputs.
pub(crate) const BUILDER_BYTES: usize = 64 * MIB;

// What crosses between a stage and the broker. These are the contract's numbers: `wit/` and the documents say the same, and a
// test holds them together. The sandbox cuts and refuses by them, and the broker does too, since a sandbox behind a socket is
// not to be trusted.

/// One piece of data that comes or goes bit by bit: large enough that the calls cost nothing beside the copying.
pub const PIECE_BYTES: usize = MIB;
/// What is kept of a program's output, of each stream: far more than anyone reads, and a large answer of `git` or `pip`.
pub const CAPTURE_BYTES: usize = 8 * MIB;
/// A file that is read or written in one call. It is held on both sides at once; larger ones go in pieces, by WASI's files.
pub const FILE_BYTES: usize = CAPTURE_BYTES;
/// A standard input that is given as a whole, for the same reason; more goes in pieces, by `write-stdin`.
pub const INPUT_BYTES: usize = CAPTURE_BYTES;
/// A request's and a response's body, for the same reason.
pub const BODY_BYTES: usize = CAPTURE_BYTES;
/// Keys of outputs and of memory, and names of artifacts, which are names of files too: those have at most 255 bytes.
pub const KEY_BYTES: usize = 128;
/// RFC 6838, 4.2: two names of at most 127 characters and a slash.
pub const MEDIA_TYPE_BYTES: usize = 255;
/// Outputs are values for later stages, not data; data are artifacts. All of them are held for the whole run.
pub const OUTPUTS: usize = 200;
pub const OUTPUT_BYTES: usize = 64 * KIB;
/// A report for each part of a large test matrix. Artifacts may be folders.
pub const ARTIFACTS: usize = 256;
/// Durations of 20,000 tests have about 1 MiB.
pub const STATE_VALUE_BYTES: usize = MIB;
/// Keys of one stage's memory; more than this is a database.
pub const STATE_KEYS: usize = 1_000;
/// The longest wait of one `poll`: a stage should look around from time to time, also when it asks for more.
pub const POLL_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// One line, without the marks of comments.
    fn text(page: &str) -> String {
        let words = page.split_whitespace().filter(|word| *word != "///");
        words.collect::<Vec<_>>().join(" ")
    }

    fn thousands(number: usize) -> String {
        let digits = number.to_string();
        match digits.len() {
            4.. => format!("{},{}", &digits[..digits.len() - 3], &digits[digits.len() - 3..]),
            _ => digits,
        }
    }

    #[test]
    fn the_contract_and_the_documents_say_these_numbers() {
        let mib = |bytes: usize| format!("{} MiB", bytes / MIB);
        let (outputs, output) = (OUTPUTS, OUTPUT_BYTES / KIB);
        let pages = [
            (
                include_str!("../../../wit/files.wit"),
                vec![
                    format!("A whole file, {} at most.", mib(FILE_BYTES)),
                    format!("with at most {}; missing", mib(FILE_BYTES)),
                ],
            ),
            (
                include_str!("../../../wit/process.wit"),
                vec![
                    format!("at most {} each;", mib(CAPTURE_BYTES)),
                    format!("All of the standard input, {} at most.", mib(INPUT_BYTES)),
                    format!("without waiting; at most {}.", mib(PIECE_BYTES)),
                    format!("({} seconds at most)", POLL_TIME.as_secs()),
                ],
            ),
            (
                include_str!("../../../wit/http.wit"),
                vec![
                    format!("the limit is {}.", mib(BODY_BYTES)),
                    format!("At most {}.", mib(BODY_BYTES)),
                ],
            ),
            (
                include_str!("../../../wit/ssh.wit"),
                vec![
                    format!("captured, together at most {};", mib(CAPTURE_BYTES)),
                    format!("A standard input has at most {}.", mib(INPUT_BYTES)),
                    format!("At most {}.", mib(FILE_BYTES)),
                ],
            ),
            (
                include_str!("../../../wit/report.wit"),
                vec![
                    format!("{outputs} of {output} KiB at most."),
                    format!("with the run, {ARTIFACTS} at most;"),
                    format!("{KEY_BYTES} at most"),
                ],
            ),
            (
                include_str!("../../../wit/state.wit"),
                vec![format!(
                    "A key has 1 to {KEY_BYTES} bytes, a value {} at most, a stage {} keys;",
                    mib(STATE_VALUE_BYTES),
                    thousands(STATE_KEYS)
                )],
            ),
            (
                include_str!("../../../docs/writing-a-stage.md"),
                vec![
                    format!("`files` reads and writes up to {} at once.", mib(FILE_BYTES)),
                    format!("{} of the component's own log", mib(LOG_BYTES)),
                    format!("{outputs} outputs of {output} KiB, {ARTIFACTS} artifacts"),
                    format!(
                        "{} values of {} in `state`",
                        thousands(STATE_KEYS),
                        mib(STATE_VALUE_BYTES)
                    ),
                    format!("{} findings", thousands(FINDINGS as usize)),
                    format!("{} tests", thousands(TESTS as usize)),
                ],
            ),
        ];
        for (page, sayings) in pages {
            let page = text(page);
            for saying in sayings {
                assert!(page.contains(&saying), "`{saying}` is not in: {page}");
            }
        }
    }
}
