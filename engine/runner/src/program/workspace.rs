//! A program in the workspace is whatever an earlier stage, or the repository, put there: its links decide what would run.

use std::path::{Component, Path, PathBuf};

use super::Toolchain;

/// Links on one path at most: the kernel's own bound.
const MAX_LINKS: usize = 40;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotConfinable {
    #[error("there is no {}", path.display())]
    Missing { path: PathBuf },
    #[error("{} leads to {}, which is neither in the workspace nor in a Python that the plan shows", path.display(), end.display())]
    LeadsOutside { path: PathBuf, end: PathBuf },
    #[error("{} is a link that leads round in circles", path.display())]
    Loop { path: PathBuf },
}

/// Follows the links of `program` (relative to `workspace`). `Ok` when each step stays in the workspace, in the system set,
/// or in one of `known`; then those of `known` that it needs.
pub fn check_workspace_program(
    workspace: &Path,
    program: &Path,
    known: &[Toolchain],
) -> Result<Vec<Toolchain>, NotConfinable> {
    let mut needed = Vec::new();
    let mut links = 0;
    let mut resolved = PathBuf::new();
    let mut pending = parts(&workspace.join(program));
    while let Some(part) = pending.pop() {
        match part.as_str() {
            ".." => {
                resolved.pop();
                continue;
            }
            "/" => resolved = PathBuf::from("/"),
            name => resolved.push(name),
        }
        let missing = |_| NotConfinable::Missing { path: program.into() };
        let is_link = resolved.symlink_metadata().map_err(missing)?.is_symlink();
        if is_link || pending.is_empty() {
            visible(workspace, program, &resolved, known, &mut needed)?;
        }
        if is_link {
            links += 1;
            if links > MAX_LINKS {
                return Err(NotConfinable::Loop { path: program.into() });
            }
            pending.extend(parts(&std::fs::read_link(&resolved).map_err(missing)?));
            resolved.pop();
        }
    }
    Ok(needed)
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<String> {
    let mut parts: Vec<_> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.reverse();
    parts
}

fn visible(
    workspace: &Path,
    program: &Path,
    place: &Path,
    known: &[Toolchain],
    needed: &mut Vec<Toolchain>,
) -> Result<(), NotConfinable> {
    if let Some(toolchain) = known.iter().find(|toolchain| toolchain.covers(place)) {
        if !needed.contains(toolchain) {
            needed.push(toolchain.clone());
        }
        return Ok(());
    }
    // A link that stands in a system folder which is itself a link (`/bin`) counts by where it really is.
    if place.starts_with(workspace) || tidegate_confine::system_set().covers(place) || place == Path::new("/") {
        return Ok(());
    }
    Err(NotConfinable::LeadsOutside {
        path: program.into(),
        end: place.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn workspace() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(path.join("venv/bin")).unwrap();
        (folder, path)
    }

    #[test]
    fn links_into_a_known_toolchain_bind_it() {
        let (_folder, workspace) = workspace();
        let (_other, toolchain) = self::workspace();
        std::fs::write(toolchain.join("venv/bin/python3.11"), "").unwrap();
        symlink("python3", workspace.join("venv/bin/python")).unwrap();
        symlink(
            toolchain.join("venv/bin/python3.11"),
            workspace.join("venv/bin/python3"),
        )
        .unwrap();
        let known = [Toolchain {
            root: toolchain.clone(),
            links: Vec::new(),
            what: "Python 3.11.7".into(),
        }];
        let program = Path::new("venv/bin/python");
        assert_eq!(check_workspace_program(&workspace, program, &known), Ok(known.to_vec()));
        assert_eq!(
            check_workspace_program(&workspace, program, &[]),
            Err(NotConfinable::LeadsOutside {
                path: program.into(),
                end: toolchain.join("venv/bin/python3.11")
            })
        );
    }

    #[test]
    fn the_way_may_lead_through_another_name_of_a_toolchain() {
        let (_folder, workspace) = workspace();
        let (_other, versions) = self::workspace();
        std::fs::create_dir_all(versions.join("3.12.1/bin")).unwrap();
        std::fs::write(versions.join("3.12.1/bin/python3"), "").unwrap();
        symlink("3.12.1", versions.join("3.12")).unwrap();
        symlink(versions.join("3.12/bin/python3"), workspace.join("venv/bin/python")).unwrap();
        let with_links = |links| Toolchain {
            root: versions.join("3.12.1"),
            links,
            what: "Python 3.12.1".into(),
        };
        let check = |known: &Toolchain| {
            check_workspace_program(&workspace, Path::new("venv/bin/python"), std::slice::from_ref(known))
        };
        let known = with_links(vec![versions.join("3.12")]);
        assert_eq!(check(&known), Ok(vec![known.clone()]));
        assert!(matches!(
            check(&with_links(Vec::new())),
            Err(NotConfinable::LeadsOutside { .. })
        ));
    }

    #[test]
    fn a_folder_that_is_a_link_counts_too() {
        let (_folder, workspace) = workspace();
        symlink("/var/lib", workspace.join("tools")).unwrap();
        let result = check_workspace_program(&workspace, Path::new("tools/dpkg"), &[]);
        assert!(matches!(result, Err(NotConfinable::LeadsOutside { .. })), "{result:?}");
    }

    #[test]
    fn system_programs_plain_files_and_loops() {
        let (_folder, workspace) = workspace();
        symlink("/usr/bin/env", workspace.join("system")).unwrap();
        std::fs::write(workspace.join("plain"), "").unwrap();
        symlink("b", workspace.join("a")).unwrap();
        symlink("a", workspace.join("b")).unwrap();
        assert_eq!(
            check_workspace_program(&workspace, Path::new("system"), &[]),
            Ok(vec![])
        );
        assert_eq!(check_workspace_program(&workspace, Path::new("plain"), &[]), Ok(vec![]));
        assert!(matches!(
            check_workspace_program(&workspace, Path::new("a"), &[]),
            Err(NotConfinable::Loop { .. })
        ));
        assert!(matches!(
            check_workspace_program(&workspace, Path::new("no"), &[]),
            Err(NotConfinable::Missing { .. })
        ));
    }
}
