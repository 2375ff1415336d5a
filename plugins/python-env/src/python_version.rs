use crate::workspace::Workspace;
use tidegate_sdk::files;

/// The file that pyenv, uv and others read.
pub(crate) const FILE: &str = ".python-version";

/// What `.python-version` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `3.12` or `3.12.4`: as many parts as are written count.
    Version(String),
    /// A form that only its own tool understands, such as `pypy3.10`.
    Unknown(String),
}

impl Wanted {
    /// None without a file, and when it names none. The first version counts, as for pyenv and uv.
    pub(crate) fn read(workspace: &impl Workspace) -> Result<Option<Self>, files::Error> {
        let text = workspace.read(FILE)?.unwrap_or_default();
        let first = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(first.map(Self::parse))
    }

    fn parse(text: &str) -> Self {
        let version = text
            .strip_prefix("cpython-")
            .or_else(|| text.strip_prefix("python"))
            .unwrap_or(text);
        let numbers = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if version.split('.').all(numbers) {
            Self::Version(version.to_owned())
        } else {
            Self::Unknown(text.to_owned())
        }
    }

    /// False only when it surely is another one.
    pub(crate) fn allows(&self, version: &str) -> bool {
        match self {
            Self::Version(wanted) => {
                let mut parts = version.split('.');
                wanted.split('.').all(|part| parts.next() == Some(part))
            }
            Self::Unknown(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn allows(file: &str, version: &str) -> bool {
        Wanted::read(&BTreeMap::from([(FILE, file)]))
            .unwrap()
            .unwrap()
            .allows(version)
    }

    #[test]
    fn as_many_parts_as_are_written_count() {
        assert!(allows("3.12\n", "3.12.4"));
        assert!(allows("# ours\n3.12.4\n3.11\n", "3.12.4"));
        assert!(allows("cpython-3.12", "3.12.0"));
        assert!(!allows("3.12", "3.11.7"));
        assert!(!allows("3.1", "3.11.7"));
        assert!(!allows("3.12.4", "3.12.5"));
        assert!(allows("pypy3.10", "3.12.5"));
    }
}
