//! What of the workspace a stage may not see or not change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;

use crate::always_hidden::is_always_hidden;
use crate::failure::Failure;
use crate::masks::{self, Masks};
use crate::spec::CellSpec;

/// Paths are relative to the workspace, without links.
#[derive(Debug)]
pub(super) struct Rules {
    patterns: Gitignore,
    /// What was found when the View was made, and what links with hidden names lead to.
    pub(super) masks: BTreeSet<PathBuf>,
    pub(super) read_only: BTreeSet<PathBuf>,
}

impl Rules {
    pub(super) fn find(spec: &CellSpec) -> Result<Self, Failure> {
        let mut masks: BTreeSet<_> = Masks::find(&spec.workspace, &spec.hide)?.0.into_iter().collect();
        let real = spec.workspace.canonicalize().unwrap_or_else(|_| spec.workspace.clone());
        let led_to: Vec<_> = masks
            .iter()
            .map(|mask| spec.workspace.join(mask))
            .filter(|path| path.is_symlink())
            // One that leads nowhere hides nothing.
            .filter_map(|path| Some(path.canonicalize().ok()?.strip_prefix(&real).ok()?.to_owned()))
            .filter(|inside| !inside.as_os_str().is_empty())
            .collect();
        masks.extend(led_to);
        Ok(Self {
            patterns: masks::patterns(&spec.workspace, &spec.hide)?,
            masks,
            read_only: spec.read_only.iter().map(|path| path.components().collect()).collect(),
        })
    }

    /// Also of names that were made after the View.
    pub(super) fn hide(&self, path: &Path, is_folder: bool) -> bool {
        path.iter().any(is_always_hidden)
            || path.ancestors().any(|above| self.masks.contains(above))
            || self.patterns.matched_path_or_any_parents(path, is_folder).is_ignore()
    }

    pub(super) fn protect(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.read_only.contains(above))
    }
}
