//! The tree on the other side, as it is before an upload.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use tidegate_sandbox::SshError;

use super::call::Call;
use super::limits::{LISTING_BYTES, TREE_ENTRIES};
use super::local_tree::{Entry, LocalTree};
use super::quote;
use super::remote_path::TEMPORARY;
use super::script::Script;

/// Programs that an upload uses there; all but sha256sum and readlink are in POSIX.
const PROGRAMS: [&str; 11] = [
    "find",
    "printf",
    "sha256sum",
    "tar",
    "readlink",
    "mkdir",
    "rmdir",
    "ln",
    "mv",
    "rm",
    "head",
];

#[derive(Debug, Default)]
pub(super) struct RemoteTree {
    /// False if there is nothing at the path yet.
    pub(super) exists: bool,
    pub(super) entries: BTreeMap<PathBuf, RemoteEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RemoteEntry {
    Folder,
    /// The digest is there where this side has a file of the same path, and the same executable bit.
    File {
        executable: bool,
        sha256: Option<String>,
    },
    /// The target is there where this side has a link of the same path.
    Link {
        target: Option<OsString>,
    },
    Other,
}

impl Call<'_> {
    pub(super) async fn remote_tree(&self, root: &[u8], local: &LocalTree) -> Result<RemoteTree, SshError> {
        let listing = self.script(listing_script(root), LISTING_BYTES).await?;
        let mut tree = parse(&listing).ok_or_else(|| self.strange("listing"))?;
        if tree.entries.len() > TREE_ENTRIES {
            return Err(SshError::RemoteIo(format!(
                "{}: there are more than {TREE_ENTRIES} files at {}",
                self.connection.host(),
                String::from_utf8_lossy(root)
            )));
        }
        self.add_digests(root, local, &mut tree).await?;
        self.add_targets(root, local, &mut tree).await?;
        Ok(tree)
    }

    async fn add_digests(&self, root: &[u8], local: &LocalTree, tree: &mut RemoteTree) -> Result<(), SshError> {
        let paths = paths(tree, |path, entry| match (entry, local.entries.get(path)) {
            (RemoteEntry::File { executable: there, .. }, Some(Entry::File { executable: here, .. })) => there == here,
            _ => false,
        });
        if paths.is_empty() {
            return Ok(());
        }
        let mut script = inside(root);
        let mut plain: Vec<Vec<u8>> = Vec::new();
        for path in &paths {
            // sha256sum writes such names in its own way, over one line or two; from its input it writes one, with no name.
            if path.as_os_str().as_bytes().iter().any(|byte| b"\\\n\r".contains(byte)) {
                script.batches("sha256sum --", plain.drain(..), None);
                script.push([b"sha256sum <".as_slice(), &quote::word(dotted(path))].concat());
            } else {
                plain.push(dotted(path));
            }
        }
        script.batches("sha256sum --", plain, None);
        let answer = self.script(script, LISTING_BYTES).await?;
        let lines: Vec<&[u8]> = answer
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        if lines.len() != paths.len() {
            return Err(self.strange("answer of sha256sum"));
        }
        for (path, line) in paths.into_iter().zip(lines) {
            let digest = line.get(..64).and_then(|hex| std::str::from_utf8(hex).ok());
            let digest = digest.ok_or_else(|| self.strange("answer of sha256sum"))?.to_owned();
            if let Some(RemoteEntry::File { sha256, .. }) = tree.entries.get_mut(&path) {
                *sha256 = Some(digest);
            }
        }
        Ok(())
    }

    async fn add_targets(&self, root: &[u8], local: &LocalTree, tree: &mut RemoteTree) -> Result<(), SshError> {
        let paths = paths(tree, |path, entry| {
            matches!(
                (entry, local.entries.get(path)),
                (RemoteEntry::Link { .. }, Some(Entry::Link { .. }))
            )
        });
        if paths.is_empty() {
            return Ok(());
        }
        let mut script = inside(root);
        for path in &paths {
            script.command("readlink -n --", [dotted(path)]);
            script.push("printf '\\0'");
        }
        let answer = self.script(script, LISTING_BYTES).await?;
        let mut targets = answer.split(|byte| *byte == 0);
        for path in paths {
            let found = targets.next().ok_or_else(|| self.strange("answer of readlink"))?;
            if let Some(RemoteEntry::Link { target }) = tree.entries.get_mut(&path) {
                *target = Some(OsString::from_vec(found.to_vec()));
            }
        }
        Ok(())
    }

    fn strange(&self, what: &str) -> SshError {
        SshError::RemoteIo(format!(
            "{}: the {what} can't be understood; does a start-up file of the user's shell print something?",
            self.connection.host()
        ))
    }
}

/// `./` and the path, so that no program takes it for an option.
pub(super) fn dotted(path: &Path) -> Vec<u8> {
    [b"./", path.as_os_str().as_bytes()].concat()
}

/// A script that starts in the folder.
pub(super) fn inside(root: &[u8]) -> Script {
    let mut script = Script::needing(&[]);
    script.command("cd --", [root]);
    script
}

fn paths(tree: &RemoteTree, wanted: impl Fn(&Path, &RemoteEntry) -> bool) -> Vec<PathBuf> {
    tree.entries
        .iter()
        .filter(|(path, entry)| wanted(path, entry))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Prints each entry as a letter, its path from `.`, and a NUL; nothing where there is no folder.
fn listing_script(root: &[u8]) -> Script {
    let mut script = Script::needing(&PROGRAMS);
    let word = quote::word(root);
    let with_root = |before: &str, after: &str| [before.as_bytes(), &word, after.as_bytes()].concat();
    script.push(with_root("root=", ""));
    script.push("if [ ! -e \"$root\" ] && [ ! -L \"$root\" ]; then exit 0; fi");
    script.push("if [ ! -d \"$root\" ]; then printf '%s is no folder' \"$root\" >&2; exit 1; fi");
    script.push("cd -- \"$root\"");
    let kinds = [
        ("d", "-type d"),
        ("x", "-type f -perm -100"),
        ("f", "-type f ! -perm -100"),
        ("l", "-type l"),
        ("o", "! -type d ! -type f ! -type l"),
    ];
    for (letter, test) in kinds {
        script.push(format!(
            "find . -path './{TEMPORARY}*' -prune -o {test} -exec printf '{letter}%s\\0' '{{}}' +"
        ));
    }
    script
}

fn parse(listing: &[u8]) -> Option<RemoteTree> {
    let mut tree = RemoteTree::default();
    let Some(listing) = listing.strip_suffix(&[0]) else {
        return listing.is_empty().then_some(tree);
    };
    for record in listing.split(|byte| *byte == 0) {
        let (letter, path) = record.split_first()?;
        if path == b"." {
            tree.exists = true;
            continue;
        }
        let entry = match letter {
            b'd' => RemoteEntry::Folder,
            b'x' | b'f' => RemoteEntry::File {
                executable: *letter == b'x',
                sha256: None,
            },
            b'l' => RemoteEntry::Link { target: None },
            b'o' => RemoteEntry::Other,
            _ => return None,
        };
        tree.entries
            .insert(PathBuf::from(OsStr::from_bytes(path.strip_prefix(b"./")?)), entry);
    }
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_whatever_the_names_are() {
        let tree = parse(b"d.\0d./a\0x./a/-rf\nx\0l./l\0o./pipe\0").unwrap();
        assert!(tree.exists);
        let expected = [
            ("a", RemoteEntry::Folder),
            (
                "a/-rf\nx",
                RemoteEntry::File {
                    executable: true,
                    sha256: None,
                },
            ),
            ("l", RemoteEntry::Link { target: None }),
            ("pipe", RemoteEntry::Other),
        ];
        assert_eq!(tree.entries, expected.map(|(path, entry)| (path.into(), entry)).into());
        assert!(!parse(b"").unwrap().exists);
    }

    #[test]
    fn what_a_start_up_file_prints_is_not_taken_for_a_listing() {
        assert!(parse(b"Welcome!\nd.\0").is_none());
        assert!(parse(b"Welcome!\n").is_none());
    }
}
