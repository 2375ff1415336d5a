//! Links resolved one by one, where the kernel's own lookup may not cross from one place to another.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::limits;

/// The path without any link. `link_at` gives the target of the link at a path whose parent has none. None when `..` leads
/// above the root. The answer is only a name: whoever opens it must still stay beneath a descriptor.
pub(crate) fn without_links(
    path: &Path,
    link_at: &dyn Fn(&Path) -> io::Result<Option<PathBuf>>,
) -> io::Result<Option<PathBuf>> {
    let mut rest: Vec<_> = parts(path).rev().collect();
    let mut done = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match part.components().next() {
            Some(Component::RootDir) => done = PathBuf::from("/"),
            Some(Component::ParentDir) => {
                if !done.pop() {
                    return Ok(None);
                }
            }
            Some(Component::Normal(name)) => {
                done.push(name);
                if let Some(target) = link_at(&done)? {
                    links += 1;
                    if links > limits::LINKS {
                        return Err(io::Error::from_raw_os_error(libc::ELOOP));
                    }
                    done.pop();
                    rest.extend(parts(&target).rev());
                }
            }
            Some(Component::CurDir | Component::Prefix(_)) | None => {}
        }
    }
    Ok(Some(done))
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = PathBuf> {
    path.components().map(|part| PathBuf::from(part.as_os_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(path: &str) -> Option<String> {
        let links = [
            ("/w/a", "b"),
            ("/w/abs", "/w/dir"),
            ("/w/dir/up", "../x/./y"),
            ("/w/loop", "loop"),
            ("/w/high", "../../.."),
        ];
        let link_at = |at: &Path| {
            Ok(links
                .iter()
                .find(|(from, _)| Path::new(from) == at)
                .map(|(_, to)| PathBuf::from(to)))
        };
        without_links(Path::new(path), &link_at)
            .ok()
            .flatten()
            .map(|path| path.display().to_string())
    }

    #[test]
    fn follows_links_as_the_kernel_does() {
        assert_eq!(resolve("/w/plain/x").as_deref(), Some("/w/plain/x"));
        assert_eq!(resolve("/w/a/c").as_deref(), Some("/w/b/c"));
        assert_eq!(resolve("/w/abs/up/z").as_deref(), Some("/w/x/y/z"));
        assert_eq!(resolve("/w/loop"), None);
        assert_eq!(resolve("/w/high"), None);
    }
}
