//! Other file systems inside the workspace.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// An overlay would show the folder below the other file system, or nothing. `Ok` also where the table of mounts can't be read.
pub(super) fn refuse(workspace: impl AsFd) -> Result<(), Failure> {
    let name = format!("/proc/self/fd/{}", workspace.as_fd().as_raw_fd());
    // Without links, as the table has it.
    let workspace = fs::read_link(name).unwrap_or_default();
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    match below(&workspace, &table) {
        Some(mounted) => Err(Failure::spec(format!(
            "another file system is mounted inside the workspace, at `{}`; an overlay can't include it: unmount it, or \
             make it a `read` path outside the workspace",
            mounted.display()
        ))),
        None => Ok(()),
    }
}

fn below(workspace: &Path, table: &[u8]) -> Option<PathBuf> {
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(plain)
        .find(|point| point.starts_with(workspace) && point != workspace)
}

/// The table writes spaces, tabs, line ends and backslashes as three octal digits.
fn plain(escaped: &[u8]) -> PathBuf {
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..3).and_then(|digits| str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                name.push(byte);
                rest = &others[3..];
            }
            _ => {
                name.push(*first);
                rest = others;
            }
        }
    }
    PathBuf::from(OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"21 1 0:5 / / rw - ext4 a rw\n22 21 0:6 / /srv/a\\040b rw - ext4 b rw\n\
        23 22 0:7 / /srv/a\\040b/in\\134side rw - tmpfs c rw\n";

    #[test]
    fn what_lies_inside_is_found_whatever_its_name() {
        let found = |workspace: &str| below(Path::new(workspace), TABLE);
        assert_eq!(found("/srv/a b"), Some(PathBuf::from("/srv/a b/in\\side")));
        assert_eq!(found("/srv/a b/in\\side"), None);
        assert_eq!(found("/srv/a"), None);
    }
}
