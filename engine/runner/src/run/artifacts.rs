//! Artifacts that an attempt keeps, and those of the stages that it needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_confine::View;
use tidegate_sandbox::limits::{ARTIFACTS, KEY_BYTES};

use crate::artifact_store::{ArtifactStore, Kept};
use crate::hidden::HiddenIn;

/// Name to what was kept.
pub(super) type KeptOfStage = BTreeMap<String, Kept>;
/// The same, by stage.
pub(super) type KeptArtifacts = BTreeMap<String, KeptOfStage>;

pub(super) struct Artifacts {
    store: ArtifactStore,
    kept: Mutex<KeptOfStage>,
}

impl Artifacts {
    pub(super) fn new(store: ArtifactStore) -> Self {
        Self {
            store,
            kept: Mutex::default(),
        }
    }

    pub(super) async fn keep(&self, view: Arc<View>, name: &str, path: &str, hidden: HiddenIn) -> Result<Kept, String> {
        check_name(name)?;
        if hidden.covers(Path::new(""), false) {
            return Err(format!("{path} is hidden, so there is nothing to keep"));
        }
        self.check_room(name)?;
        let opened = view
            .open_dir_or_file(Path::new(path))
            .map_err(|error| format!("{path}: {error}"))?;
        let store = self.store.clone();
        let shown = PathBuf::from(path);
        let kept = tokio::task::spawn_blocking(move || store.keep(opened, &shown, &hidden));
        let kept = kept
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        self.kept().insert(name.to_owned(), kept.clone());
        Ok(kept)
    }

    /// One that is there may be kept again.
    fn check_room(&self, name: &str) -> Result<(), String> {
        let kept = self.kept();
        if kept.len() >= ARTIFACTS && !kept.contains_key(name) {
            return Err(format!("a stage keeps at most {ARTIFACTS} artifacts"));
        }
        Ok(())
    }

    pub(super) fn all(&self) -> KeptOfStage {
        self.kept().clone()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, KeptOfStage> {
        // Nothing panics while it holds the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lays copies of all artifacts under `folder`: a stage may change its copy and nobody else's.
pub(super) fn lay_out(
    store: &ArtifactStore,
    needed: &KeptArtifacts,
    folder: &Path,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let mut paths: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (stage, artifacts) in needed {
        for (name, kept) in artifacts {
            let path = folder.join(stage).join(name);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
            store
                .restore(kept, &path)
                .map_err(|error| format!("the artifact `{name}` of stage `{stage}`: {error}"))?;
            let text = path.display().to_string();
            paths.entry(stage.clone()).or_default().insert(name.clone(), text);
        }
    }
    Ok(paths)
}

/// A name is also a file name.
fn check_name(name: &str) -> Result<(), String> {
    let good = !name.is_empty()
        && name.len() <= KEY_BYTES
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if good {
        return Ok(());
    }
    Err(format!(
        "`{name}`: an artifact's name has letters, digits, `-`, `_` and `.`, {KEY_BYTES} at most, and no dot first"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_keeps_only_so_many() {
        let artifacts = Artifacts::new(ArtifactStore::new("unused".into()));
        let one = Kept {
            digest: tidegate_sandbox::Digest::of(b""),
            bytes: 0,
            is_folder: false,
        };
        let all = (0..ARTIFACTS).map(|number| (number.to_string(), one.clone()));
        artifacts.kept().extend(all);
        artifacts.check_room("0").unwrap();
        assert_eq!(
            artifacts.check_room("more").unwrap_err(),
            "a stage keeps at most 256 artifacts"
        );
    }

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["report", "junit.xml", "a-b_c.1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", ".hidden", "a b", "ü", &"x".repeat(200)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
