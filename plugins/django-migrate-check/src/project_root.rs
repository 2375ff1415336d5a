use thiserror::Error;

use crate::reading::is_own;

/// Where the project is run from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRoot {
    /// Relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// Whether it holds a manage.py.
    pub has_manage: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectRootError {
    #[error("several folders have a manage.py: {0}\n\nhint: name the project's: with = {{ project = \"…\" }}")]
    Several(String),
}

impl ProjectRoot {
    /// Finds the project: the folder that the configuration names, else that of the one manage.py nearest to the top, else
    /// the workspace. `manage_files` are the paths of all files of that name.
    ///
    /// # Errors
    /// If several are equally near.
    pub fn find(manage_files: &[String], configured: Option<String>) -> Result<Self, ProjectRootError> {
        let own = manage_files.iter().filter(|path| is_own(path));
        let folders: Vec<&str> = own
            .map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder))
            .collect();
        if let Some(folder) = configured {
            let has_manage = folders.contains(&folder.as_str());
            return Ok(Self { folder, has_manage });
        }
        let depth = |folder: &str| {
            if folder.is_empty() {
                0
            } else {
                folder.split('/').count()
            }
        };
        let Some(least) = folders.iter().map(|folder| depth(folder)).min() else {
            return Ok(Self {
                folder: String::new(),
                has_manage: false,
            });
        };
        let nearest: Vec<&str> = folders.into_iter().filter(|folder| depth(folder) == least).collect();
        match nearest.as_slice() {
            [only] => Ok(Self {
                folder: (*only).to_owned(),
                has_manage: true,
            }),
            several => Err(ProjectRootError::Several(crate::listing::all_of(several))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(files: &[&str], configured: Option<&str>) -> Result<(String, bool), ProjectRootError> {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        ProjectRoot::find(&files, configured.map(str::to_owned)).map(|root| (root.folder, root.has_manage))
    }

    #[test]
    fn the_nearest_to_the_top_is_the_project() {
        assert_eq!(
            find(&["src/manage.py", "docs/example/manage.py"], None),
            Ok(("src".into(), true))
        );
        assert_eq!(find(&["manage.py", "tests/manage.py"], None), Ok((String::new(), true)));
        assert_eq!(
            find(&["a/manage.py", "node_modules/manage.py"], None),
            Ok(("a".into(), true))
        );
    }

    #[test]
    fn of_two_equally_near_the_configuration_chooses() {
        let two = ["a/manage.py", "b/manage.py"];
        assert_eq!(find(&two, None), Err(ProjectRootError::Several("a and b".into())));
        assert_eq!(find(&two, Some("b")), Ok(("b".into(), true)));
    }

    #[test]
    fn a_project_may_have_none() {
        assert_eq!(find(&[], None), Ok((String::new(), false)));
        assert_eq!(find(&["manage.py"], Some("src")), Ok(("src".into(), false)));
    }
}
