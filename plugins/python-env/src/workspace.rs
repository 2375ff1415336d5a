use tidegate_sdk::files;

/// The files that say what goes into the environment.
pub(crate) trait Workspace {
    /// None when there is no such file. Paths are relative to the workspace.
    fn read(&self, path: &str) -> Result<Option<String>, files::Error>;
}

/// The one that the engine shows.
pub(crate) struct Visible;

impl Workspace for Visible {
    fn read(&self, path: &str) -> Result<Option<String>, files::Error> {
        files::read_if_present(path)
    }
}

/// `path` as `base`, a file's folder, sees it; without `.` and with as few `..` as possible.
pub(crate) fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A file's folder; empty for one at the top.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Workspace for BTreeMap<&str, &str> {
        fn read(&self, path: &str) -> Result<Option<String>, files::Error> {
            Ok(self.get(path).map(|&text| text.to_owned()))
        }
    }

    #[test]
    fn a_path_is_seen_from_the_file_that_names_it() {
        assert_eq!(join("deploy/requirements", "../base.txt"), "deploy/base.txt");
        assert_eq!(join("", "./base.txt"), "base.txt");
        assert_eq!(join("a", "../../b"), "../b");
    }
}
