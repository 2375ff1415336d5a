use std::collections::BTreeMap;

use tidegate_sdk::{Failure, failure};

use crate::config::{Choice, Config, Project};
use crate::installer::Installer;
use crate::pyproject::Pyproject;
use crate::requirements::Requirements;
use crate::workspace::{Workspace, join};

/// What a local project's metadata may stand in; a change of one means that it is installed anew.
const METADATA: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];

/// What is asked for, gathered from the configuration and the project's files.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// For `install`: requirements, `-r FILE`, `-e FOLDER`.
    pub(crate) arguments: Vec<String>,
    /// A `uv.lock` is to be installed first.
    pub(crate) lock: Option<Lock>,
    /// Path and text of each file that says what to install.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) requirements: Requirements,
    /// Things to know that are no reason to stop.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) folder: String,
    pub(crate) extras: Vec<String>,
    pub(crate) groups: Vec<String>,
}

impl Inputs {
    pub(crate) fn gather(config: &Config, installer: &Installer, workspace: &impl Workspace) -> Result<Self, Failure> {
        if config.requirements.is_empty() && config.packages.is_empty() && config.project.is_none() {
            return Err(nothing_asked(workspace)?);
        }
        let mut inputs = Self {
            requirements: Requirements::read(&config.requirements, workspace)?,
            ..Self::default()
        };
        inputs.files.clone_from(&inputs.requirements.files);
        for folder in inputs.requirements.local.clone() {
            inputs.add_metadata(&folder, workspace)?;
        }
        for file in &config.requirements {
            inputs.arguments.extend(["-r".to_owned(), file.clone()]);
        }
        for package in &config.packages {
            // An option would reach the installer past this configuration.
            if package.starts_with('-') {
                let text = format!("`packages` takes requirements, not options: `{package}`");
                return Err(failure::misconfigured(text));
            }
            inputs.arguments.push(package.clone());
        }
        if let Some(project) = &config.project {
            inputs.add_project(project, config.installer, installer, workspace)?;
        }
        Ok(inputs)
    }

    fn add_project(
        &mut self,
        project: &Project,
        choice: Choice,
        installer: &Installer,
        workspace: &impl Workspace,
    ) -> Result<(), Failure> {
        let path = join(&project.folder, "pyproject.toml");
        let text = workspace
            .read(&path)?
            .ok_or_else(|| failure::misconfigured(format!("{path}: no such file")))?;
        let pyproject = Pyproject::parse(&text).map_err(|error| failure::misconfigured(format!("{path}: {error}")))?;
        let requirements = pyproject
            .requirements(&project.extras, &project.groups)
            .map_err(|error| failure::misconfigured(format!("{path}: {error}")))?;
        self.add_metadata(&project.folder, workspace)?;

        let lock = join(&project.folder, "uv.lock");
        if let Some(text) = workspace.read(&lock)? {
            match (installer, choice) {
                (Installer::Uv(_), _) => {
                    self.files.insert(lock, text);
                    self.lock = Some(Lock {
                        folder: project.folder.clone(),
                        extras: project.extras.clone(),
                        groups: project.groups.clone(),
                    });
                    return Ok(());
                }
                (Installer::Pip, Choice::Pip) => {
                    self.warnings
                        .push(format!("pip can't read {lock}: the versions are not the locked ones"));
                }
                (Installer::Pip, _) => {
                    return Err(failure::misconfigured(format!(
                        "{lock} can only be installed by uv, and uv is not granted or not there\n\n\
                         hint: add it to the grant, exec = {{ uv = \"uv\" }}, or set installer = \"pip\" to go without the lock"
                    )));
                }
            }
        }
        self.arguments.extend(requirements);
        if pyproject.is_package() {
            let extras = if project.extras.is_empty() {
                String::new()
            } else {
                format!("[{}]", project.extras.join(","))
            };
            self.arguments
                .extend(["-e".to_owned(), format!("./{}{extras}", join("", &project.folder))]);
        }
        Ok(())
    }

    fn add_metadata(&mut self, folder: &str, workspace: &impl Workspace) -> Result<(), Failure> {
        for name in METADATA {
            let path = join(folder, name);
            if let Some(text) = workspace.read(&path)? {
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    /// All that the installers are told, for the stamp.
    pub(crate) fn asked(&self) -> Vec<String> {
        let lock = self.lock.iter().flat_map(|lock| {
            let folder = std::iter::once(format!("lock {}", lock.folder));
            let extras = lock.extras.iter().map(|extra| format!("extra {extra}"));
            folder
                .chain(extras)
                .chain(lock.groups.iter().map(|group| format!("group {group}")))
        });
        lock.chain(self.arguments.iter().cloned()).collect()
    }
}

fn nothing_asked(workspace: &impl Workspace) -> Result<Failure, Failure> {
    let mut hint = "requirements = [\"requirements.txt\"]";
    if workspace.read("requirements.txt")?.is_none() && workspace.read("pyproject.toml")?.is_some() {
        hint = "project = { groups = [\"dev\"] }";
    }
    Ok(failure::misconfigured(format!(
        "nothing to install\n\nhint: with = {{ {hint} }}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(config: &str, uv: bool, files: &[(&'static str, &'static str)]) -> Result<Inputs, Failure> {
        let installer = if uv {
            Installer::Uv("uv 0.13.9".into())
        } else {
            Installer::Pip
        };
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        Inputs::gather(&serde_json::from_str(config).unwrap(), &installer, &files)
    }

    const PYPROJECT: (&str, &str) = (
        "pyproject.toml",
        "[project]\nname = 'shop'\ndependencies = ['django']\n",
    );

    #[test]
    fn a_lock_is_for_uv() {
        let files = [PYPROJECT, ("uv.lock", "version = 1\n")];
        let inputs = gather(r#"{"project": {}, "packages": ["ruff"]}"#, true, &files).unwrap();
        assert_eq!(inputs.asked(), ["lock .", "ruff"]);
        assert!(inputs.files.contains_key("uv.lock"));

        let failure = gather(r#"{"project": {}}"#, false, &files).unwrap_err();
        assert!(
            matches!(&failure, Failure::Misconfigured(text) if text.starts_with("uv.lock can only be")),
            "{failure:?}"
        );

        let inputs = gather(r#"{"project": {}, "installer": "pip"}"#, false, &files).unwrap();
        assert_eq!(inputs.arguments, ["django"]);
        assert_eq!(inputs.warnings.len(), 1);
    }

    #[test]
    fn a_package_is_installed_itself() {
        let text = "[build-system]\nrequires = []\n[project]\nname = 'lib'\n[project.optional-dependencies]\nx = []\n";
        let inputs = gather(
            r#"{"project": {"folder": "lib", "extras": ["x"]}}"#,
            true,
            &[("lib/pyproject.toml", text)],
        );
        assert_eq!(inputs.unwrap().arguments, ["-e", "./lib[x]"]);
    }

    #[test]
    fn nothing_to_install_tells_what_there_is() {
        let failure = gather("{}", false, &[PYPROJECT]).unwrap_err();
        assert_eq!(
            failure,
            failure::misconfigured("nothing to install\n\nhint: with = { project = { groups = [\"dev\"] } }")
        );
    }

    #[test]
    fn an_option_does_not_pass_for_a_package() {
        assert!(gather(r#"{"packages": ["--index-url=http://x"]}"#, false, &[]).is_err());
    }
}
