use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::installer::Installer;
use crate::interpreter::Interpreter;

/// In the environment's folder; written last.
pub(crate) const FILE: &str = "tidegate-env.json";

/// Everything that went into an environment. Two equal stamps mean: nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Of this stage: another version may make the environment otherwise.
    version: String,
    interpreter: Interpreter,
    installer: String,
    /// What the installer is told.
    arguments: Vec<String>,
    /// Path and SHA-256 of each file that says what to install.
    files: BTreeMap<String, String>,
}

impl Stamp {
    pub(crate) fn new(
        interpreter: &Interpreter,
        installer: &Installer,
        arguments: &[String],
        files: &BTreeMap<String, String>,
    ) -> Self {
        // One by one: to collect them would bring a whole sort into the component.
        let mut sums = BTreeMap::new();
        for (path, text) in files {
            sums.insert(path.clone(), sha256(text));
        }
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interpreter: interpreter.clone(),
            installer: installer.identity().to_owned(),
            arguments: arguments.to_vec(),
            files: sums,
        }
    }

    /// None for a text that is no stamp: the environment is then made anew.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a stamp holds nothing but texts")
    }

    /// Why an environment with the stamp `old` is made anew, in words; none when it is up to date.
    pub(crate) fn difference(&self, old: &Self) -> Option<String> {
        if self == old {
            return None;
        }
        let mut changed: Vec<&str> = Vec::new();
        if self.interpreter != old.interpreter {
            changed.push("the Python");
        }
        if self.installer != old.installer || self.version != old.version {
            changed.push("the installer");
        }
        if self.arguments != old.arguments {
            changed.push("what is asked for");
        }
        let differs = |path: &&String| self.files.get(*path) != old.files.get(*path);
        let gone = |path: &&String| !self.files.contains_key(*path);
        changed.extend(self.files.keys().filter(differs).map(String::as_str));
        changed.extend(old.files.keys().filter(gone).map(String::as_str));
        Some(changed.join(", "))
    }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(version: &str, requirements: &str) -> Stamp {
        let interpreter = Interpreter {
            version: version.to_owned(),
            executable: "/usr/bin/python3".to_owned(),
            base: "/usr".to_owned(),
            ensurepip: true,
        };
        let files = BTreeMap::from([("requirements.txt".to_owned(), requirements.to_owned())]);
        Stamp::new(&interpreter, &Installer::Pip, &[], &files)
    }

    #[test]
    fn a_stamp_tells_what_changed() {
        let old = Stamp::parse(&stamp("3.12.4", "django").text()).unwrap();
        assert_eq!(stamp("3.12.4", "django").difference(&old), None);
        assert_eq!(
            stamp("3.12.5", "Django").difference(&old).unwrap(),
            "the Python, requirements.txt"
        );
        assert!(!old.text().contains("django"));
    }

    #[test]
    fn a_file_that_came_and_one_that_went_are_both_named() {
        let mut old = stamp("3.12.4", "django");
        old.files.insert("a.txt".to_owned(), String::new());
        let mut new = stamp("3.12.4", "django");
        new.files.insert("z.txt".to_owned(), String::new());
        assert_eq!(new.difference(&old).unwrap(), "z.txt, a.txt");
    }
}
