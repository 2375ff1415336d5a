use schemars::JsonSchema;
use serde::Deserialize;

/// The stage's `with` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The project's folder, where manage.py is. Default: found by manage.py; migrations are then read in the whole workspace.
    pub project: Option<String>,
    /// The settings module, as in `shop.settings`. Default: what manage.py and the environment say.
    pub settings: Option<String>,
    /// Labels of the apps to report on. Default: all in the workspace.
    pub apps: Vec<String>,
    /// Labels of apps to say nothing about.
    pub exclude: Vec<String>,
    /// Compare the models with the migrations; needs the grant `exec` for `python`.
    pub drift: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            project: None,
            settings: None,
            apps: Vec::new(),
            exclude: Vec::new(),
            drift: true,
        }
    }
}

impl Config {
    /// The folder without dots and slashes at its ends; empty for the workspace.
    #[must_use]
    pub fn project_folder(&self) -> Option<String> {
        let folder = self.project.as_deref()?.trim_start_matches("./").trim_matches('/');
        Some(if folder == "." {
            String::new()
        } else {
            folder.to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_enough() {
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
        assert!(serde_json::from_str::<Config>(r#"{"app": []}"#).is_err());
    }

    #[test]
    fn the_workspace_has_several_names() {
        for (written, folder) in [(".", ""), ("./", ""), ("./src/", "src"), ("src/web", "src/web")] {
            let config = Config {
                project: Some(written.into()),
                ..Config::default()
            };
            assert_eq!(config.project_folder().as_deref(), Some(folder));
        }
    }
}
