//! What an upload has to do: the difference between the two trees.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tidegate_sandbox::SshError;

use super::exclude::Exclude;
use super::local_tree::Entry;
use super::remote_tree::RemoteEntry;

/// Paths relative to the root. Carried out in the order of the fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UploadPlan {
    /// Files and links of another kind, or with another target, in the place of something of ours.
    pub(super) clear_files: Vec<PathBuf>,
    /// Folders in the place of a file or link of ours.
    pub(super) clear_folders: Vec<PathBuf>,
    /// A folder before what is in it.
    pub(super) folders: Vec<PathBuf>,
    pub(super) files: Vec<PathBuf>,
    pub(super) links: Vec<PathBuf>,
    pub(super) remove_files: Vec<PathBuf>,
    /// What is in a folder before the folder.
    pub(super) remove_folders: Vec<PathBuf>,
    /// Of `files` together.
    pub(super) bytes: u64,
}

impl UploadPlan {
    pub(super) fn new(
        local: &BTreeMap<PathBuf, Entry>,
        remote: &BTreeMap<PathBuf, RemoteEntry>,
        exclude: &Exclude,
    ) -> Result<Self, SshError> {
        let mut plan = Self::default();
        let excluded: BTreeSet<&Path> = remote
            .iter()
            .filter(|(path, entry)| exclude.covers(path, **entry == RemoteEntry::Folder))
            .map(|(path, _)| path.as_path())
            .collect();
        // A folder with something excluded in it has to stay.
        let kept: BTreeSet<&Path> = excluded.iter().flat_map(|path| path.ancestors()).collect();
        for (path, there) in remote {
            let here = local.get(path);
            let of_one_kind = here.is_some_and(|here| same_kind(here, there));
            let is_folder = *there == RemoteEntry::Folder;
            if here.is_some() && !of_one_kind && kept.contains(path.as_path()) {
                return Err(SshError::RemoteIo(format!(
                    "{path:?} is in the way there, and the excluded files keep it; remove it or change `exclude`"
                )));
            }
            if excluded.contains(path.as_path())
                || path
                    .ancestors()
                    .any(|above| plan.clear_folders.iter().any(|cleared| cleared == above))
            {
                continue;
            }
            match here {
                Some(Entry::Link { target: here }) if of_one_kind => {
                    if !matches!(there, RemoteEntry::Link { target: Some(there) } if there == here) {
                        plan.clear_files.push(path.clone());
                    }
                }
                Some(_) if of_one_kind => {}
                Some(_) if is_folder => plan.clear_folders.push(path.clone()),
                Some(_) => plan.clear_files.push(path.clone()),
                None if is_folder && kept.contains(path.as_path()) => {}
                None if is_folder => plan.remove_folders.push(path.clone()),
                None => plan.remove_files.push(path.clone()),
            }
        }
        plan.remove_folders.reverse();
        for (path, here) in local {
            let there = remote.get(path);
            match here {
                Entry::Folder if there != Some(&RemoteEntry::Folder) => plan.folders.push(path.clone()),
                Entry::Folder => {}
                Entry::File {
                    size,
                    executable,
                    sha256,
                } => {
                    let same = RemoteEntry::File {
                        executable: *executable,
                        sha256: Some(sha256.clone()),
                    };
                    if there != Some(&same) {
                        plan.files.push(path.clone());
                        plan.bytes += size;
                    }
                }
                Entry::Link { target } => {
                    if there
                        != Some(&RemoteEntry::Link {
                            target: Some(target.clone()),
                        })
                    {
                        plan.links.push(path.clone());
                    }
                }
            }
        }
        Ok(plan)
    }

    /// True if both sides are the same already.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn same_kind(here: &Entry, there: &RemoteEntry) -> bool {
    matches!(
        (here, there),
        (Entry::Folder, RemoteEntry::Folder)
            | (Entry::File { .. }, RemoteEntry::File { .. })
            | (Entry::Link { .. }, RemoteEntry::Link { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(digest: &str) -> Entry {
        Entry::File {
            size: 10,
            executable: false,
            sha256: digest.into(),
        }
    }

    fn there(digest: &str) -> RemoteEntry {
        RemoteEntry::File {
            executable: false,
            sha256: Some(digest.into()),
        }
    }

    fn plan(local: &[(&str, Entry)], remote: &[(&str, RemoteEntry)], exclude: &[&str]) -> Result<UploadPlan, SshError> {
        let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
        UploadPlan::new(
            &local.iter().map(|(path, entry)| (path.into(), entry.clone())).collect(),
            &remote
                .iter()
                .map(|(path, entry)| (path.into(), entry.clone()))
                .collect(),
            &Exclude::parse(&exclude).unwrap(),
        )
    }

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn only_what_differs_is_sent_and_only_what_is_gone_is_removed() {
        let plan = plan(
            &[
                ("a", file("1")),
                ("b", file("2")),
                ("d", Entry::Folder),
                ("d/c", file("3")),
            ],
            &[
                ("a", there("1")),
                ("b", there("old")),
                ("gone", RemoteEntry::Folder),
                ("gone/x", there("4")),
                ("y", RemoteEntry::Link { target: None }),
            ],
            &[],
        )
        .unwrap();
        let expected = UploadPlan {
            folders: paths(&["d"]),
            files: paths(&["b", "d/c"]),
            remove_files: paths(&["gone/x", "y"]),
            remove_folders: paths(&["gone"]),
            bytes: 20,
            ..UploadPlan::default()
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn what_is_excluded_stays_there_with_the_folders_around_it() {
        let remote = [
            ("media", RemoteEntry::Folder),
            ("media/keep", there("1")),
            ("old", RemoteEntry::Folder),
            ("old/x.log", there("2")),
            ("old/y", there("3")),
        ];
        let plan = plan(&[], &remote, &["/media/", "*.log"]).unwrap();
        assert_eq!(
            plan,
            UploadPlan {
                remove_files: paths(&["old/y"]),
                ..UploadPlan::default()
            }
        );
    }

    #[test]
    fn another_kind_is_cleared_unless_something_excluded_is_in_it() {
        let local = [
            ("a", file("1")),
            ("b", Entry::Folder),
            ("c", Entry::Link { target: "a".into() }),
        ];
        let remote = [
            ("a", RemoteEntry::Folder),
            ("a/x", there("2")),
            ("b", RemoteEntry::Link { target: None }),
            (
                "c",
                RemoteEntry::Link {
                    target: Some("b".into()),
                },
            ),
        ];
        let made = plan(&local, &remote, &[]).unwrap();
        let expected = UploadPlan {
            clear_files: paths(&["b", "c"]),
            clear_folders: paths(&["a"]),
            folders: paths(&["b"]),
            files: paths(&["a"]),
            links: paths(&["c"]),
            bytes: 10,
            ..UploadPlan::default()
        };
        assert_eq!(made, expected);
        assert!(matches!(plan(&local, &remote, &["x"]), Err(SshError::RemoteIo(_))));
        assert!(matches!(plan(&local, &remote, &["a/"]), Err(SshError::RemoteIo(_))));
    }
}
