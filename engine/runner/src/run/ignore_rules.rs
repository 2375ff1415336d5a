//! What `.gitignore` files say, from one folder to those in it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::file_tree::FileTree;

/// All `.gitignore` files of one walk together, in bytes and in rules: real ones have a few hundred lines, and each rule
/// costs many times its size once it is compiled.
const MAX_BYTES: u64 = 1 << 20;
const MAX_RULES: usize = 5_000;

/// The rules of a folder and of those above it; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct IgnoreRules(Option<Arc<Level>>);

struct Level {
    rules: Gitignore,
    above: IgnoreRules,
}

/// What one walk may still read.
pub(super) struct Allowance {
    bytes: u64,
    rules: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            bytes: MAX_BYTES,
            rules: MAX_RULES,
        }
    }
}

impl IgnoreRules {
    /// With those of `folder` added. A `.gitignore` that is no plain file says nothing, as in git: a link could lead to any
    /// file of the user's, and which files vanish would tell what stands there. The error is a text for the stage.
    pub(super) fn enter(&self, tree: &FileTree, folder: &Path, left: &mut Allowance) -> Result<Self, String> {
        let path = folder.join(".gitignore");
        let Ok(file) = tree.file(&path) else {
            return Ok(self.clone());
        };
        let mut bytes = Vec::new();
        if file.take(left.bytes + 1).read_to_end(&mut bytes).is_err() {
            return Ok(self.clone());
        }
        let too_much = || format!("the .gitignore files have more than {MAX_BYTES} bytes or {MAX_RULES} rules");
        left.bytes = left.bytes.checked_sub(bytes.len() as u64).ok_or_else(too_much)?;
        let mut builder = GitignoreBuilder::new(folder);
        for line in String::from_utf8_lossy(&bytes).lines() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            left.rules = left.rules.checked_sub(1).ok_or_else(too_much)?;
            // As in git, a rule that can't be read is none.
            let _ = builder.add_line(None, line);
        }
        let Ok(rules) = builder.build() else {
            return Ok(self.clone());
        };
        Ok(Self(Some(Arc::new(Level {
            rules,
            above: self.clone(),
        }))))
    }

    /// `path`: relative to the tree, in a folder that these rules are for.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let mut next = &self.0;
        while let Some(level) = next {
            match level.rules.matched(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => next = &level.above.0,
            }
        }
        false
    }
}
