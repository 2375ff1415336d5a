//! Whether the symbolic links of a tree stay in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::limits::LINK_HOPS;
use super::local_tree::{Entry, LocalTreeError};

/// Refuses links that are absolute or lead above the root, also by way of other links: `a/up -> ..` stays inside, and so
/// does `a/x/../y` read as text, but not when `x` is `up`.
pub(super) fn check(entries: &BTreeMap<PathBuf, Entry>) -> Result<(), LocalTreeError> {
    for (path, entry) in entries {
        if let Entry::Link { target } = entry
            && !stays(entries, path, target)
        {
            return Err(LocalTreeError::LinkLeaves {
                link: path.clone(),
                target: target.clone(),
            });
        }
    }
    Ok(())
}

/// Walks the way that the kernel would. What does not exist is walked through as a folder.
fn stays(entries: &BTreeMap<PathBuf, Entry>, link: &Path, target: &OsStr) -> bool {
    let mut at = link.parent().unwrap_or(Path::new("")).to_path_buf();
    // Last step first.
    let mut steps: Vec<PathBuf> = Vec::new();
    let mut hops = 0;
    let mut follow = |target: &OsStr, steps: &mut Vec<PathBuf>| {
        hops += 1;
        steps.extend(
            Path::new(target)
                .components()
                .rev()
                .map(|component| PathBuf::from(component.as_os_str())),
        );
        hops <= LINK_HOPS
    };
    if !follow(target, &mut steps) {
        return false;
    }
    while let Some(step) = steps.pop() {
        match step.components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::RootDir | Component::Prefix(_)) => return false,
            Some(Component::ParentDir) => {
                if !at.pop() {
                    return false;
                }
            }
            Some(Component::Normal(name)) => {
                at.push(name);
                if let Some(Entry::Link { target }) = entries.get(&at) {
                    at.pop();
                    // A circle leads nowhere, so it leads nowhere outside either; the kernel gives up on it as well.
                    if !follow(target, &mut steps) {
                        return true;
                    }
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(links: &[(&str, &str)]) -> Option<String> {
        let entries = links
            .iter()
            .map(|(path, target)| (path.into(), Entry::Link { target: target.into() }))
            .collect();
        match check(&entries) {
            Err(LocalTreeError::LinkLeaves { link, .. }) => Some(link.display().to_string()),
            _ => None,
        }
    }

    #[test]
    fn links_that_stay_inside_pass() {
        assert_eq!(
            leaves(&[
                ("a", "b"),
                ("d/e/f", "../../g"),
                ("d/up", ".."),
                ("x", "."),
                ("y", "missing/../z")
            ]),
            None
        );
        assert_eq!(leaves(&[("a", "b"), ("b", "a")]), None);
    }

    #[test]
    fn links_that_leave_are_named() {
        assert_eq!(leaves(&[("a", "/etc/passwd")]), Some("a".into()));
        assert_eq!(leaves(&[("d/a", "../../x")]), Some("d/a".into()));
        assert_eq!(leaves(&[("a", "..")]), Some("a".into()));
    }

    #[test]
    fn a_link_through_another_link_is_followed() {
        // As text, d/y is d/foo; for the kernel it is ../foo.
        assert_eq!(leaves(&[("d/x", ".."), ("d/y", "x/../foo")]), Some("d/y".into()));
    }
}
