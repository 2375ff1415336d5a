use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The Python side, written into scratch: what runs is what this component holds.
const FILES: [(&str, &str); 3] = [
    ("tidegate_launch.py", include_str!("../python/tidegate_launch.py")),
    ("tidegate_events.py", include_str!("../python/tidegate_events.py")),
    ("tidegate_pytest.py", include_str!("../python/tidegate_pytest.py")),
];

/// What `-p` calls the plugin.
pub(crate) const PLUGIN: &str = "tidegate_pytest";

/// Environment variables that the Python side reads.
pub(crate) const EVENTS_VARIABLE: &str = "TIDEGATE_PYTEST_EVENTS";
pub(crate) const JUNIT_VARIABLE: &str = "TIDEGATE_PYTEST_JUNIT";

/// Where the Python side lies, and what it writes; all absolute.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) launcher: PathBuf,
    pub(crate) events: PathBuf,
    /// Unless the project names a file of its own.
    pub(crate) junit: PathBuf,
}

impl Harness {
    /// Writes the Python side into a folder of its own in `scratch`.
    pub(crate) fn write(scratch: &Path) -> io::Result<Self> {
        let folder = scratch.join("pytest-runner");
        fs::create_dir_all(&folder)?;
        for (name, text) in FILES {
            fs::write(folder.join(name), text)?;
        }
        Ok(Self {
            launcher: folder.join(FILES[0].0),
            events: folder.join("events.jsonl"),
            junit: folder.join("junit.xml"),
        })
    }
}
