//! What an engine that was killed could not remove.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::scratch::Scratch;

/// A scratch folder has its lock some microseconds after it is made.
const MIN_AGE: Duration = Duration::from_secs(60);

/// Removes the scratch folders in `temp` whose engines are gone; those of running engines are locked. Returns how many there
/// were. What can't be looked at or removed is left: it is somebody else's, or a matter for the system's own cleaning.
pub fn remove_leftovers(temp: &Path, now: SystemTime) -> usize {
    let Ok(entries) = std::fs::read_dir(temp) else {
        return 0;
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let old = names.filter(|path| is_old_scratch(path, now));
    old.filter_map(|path| Scratch::of_nobody(path)?.remove().ok()).count()
}

fn is_old_scratch(path: &Path, now: SystemTime) -> bool {
    let is_named = path
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(Scratch::is_name);
    // Not of what a link leads to.
    let Some(metadata) = path.symlink_metadata().ok().filter(|_| is_named) else {
        return false;
    };
    let age = metadata.modified().ok().and_then(|made| now.duration_since(made).ok());
    metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw() && age.is_some_and(|age| age >= MIN_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_scratch_folders_without_an_engine_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let running = Scratch::make(temp.path()).unwrap();
        let killed = Scratch::make(temp.path()).unwrap();
        let killed_path = killed.path().to_path_buf();
        std::fs::create_dir(killed_path.join("home/left")).unwrap();
        killed.leave();
        for other in ["tidegate-demo-abcdef", "tidegate-abcdefg", "tidegate-a.cdef", "other"] {
            std::fs::create_dir(temp.path().join(other)).unwrap();
        }
        std::os::unix::fs::symlink(running.path(), temp.path().join("tidegate-linked")).unwrap();
        assert_eq!(remove_leftovers(temp.path(), SystemTime::now()), 0);
        let later = SystemTime::now() + 2 * MIN_AGE;
        assert_eq!(remove_leftovers(temp.path(), later), 1);
        assert!(!killed_path.exists());
        assert!(running.path().join("home").exists());
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 6);
    }
}
