use thiserror::Error;

use crate::config::Config;
use crate::finding::Finding;
use crate::model::{App, Project};

/// The apps that the configuration wants to hear of.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    config: &'a Config,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    #[error("`{key}` names `{label}`, and no app in the workspace has this label{hint}")]
    Unknown {
        key: &'static str,
        label: String,
        hint: String,
    },
}

impl<'a> Selection<'a> {
    /// # Errors
    /// If `apps` names a label that no app has. `exclude` may name installed apps too.
    pub fn new(config: &'a Config, project: &Project) -> Result<Self, SelectionError> {
        for label in &config.apps {
            if project.apps_labelled(label).next().is_none() {
                let labels = project.apps.iter().map(|app| app.label.text.as_str());
                let nearest = labels.max_by(|a, b| strsim::jaro(a, label).total_cmp(&strsim::jaro(b, label)));
                let hint = nearest
                    .map(|name| format!("\n\nhint: did you mean `{name}`?"))
                    .unwrap_or_default();
                return Err(SelectionError::Unknown {
                    key: "apps",
                    label: label.clone(),
                    hint,
                });
            }
        }
        Ok(Self { config })
    }

    pub fn includes(self, label: &str) -> bool {
        let has = |labels: &[String]| labels.iter().any(|selected| selected == label);
        (self.config.apps.is_empty() || has(&self.config.apps)) && !has(&self.config.exclude)
    }

    /// Leaves out findings in the folders of other apps.
    pub fn keep(self, findings: &mut Vec<Finding>, project: &Project) {
        findings.retain(|finding| {
            let Some(path) = &finding.path else { return true };
            let inside = |app: &&App| app.path.is_empty() || path.starts_with(&format!("{}/", app.path));
            let app = project.apps.iter().filter(inside).max_by_key(|app| app.path.len());
            app.is_none_or(|app| self.includes(&app.label.text))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::model::Label;

    fn project() -> Project {
        let app = |label: &str, path: &str| App {
            label: Label {
                text: label.into(),
                is_certain: true,
            },
            path: path.into(),
            migrations: Vec::new(),
            unreadable: Vec::new(),
        };
        Project {
            apps: vec![app("shop", "apps/shop"), app("shop_cart", "apps/shop/cart")],
        }
    }

    #[test]
    fn findings_of_other_apps_are_left_out() {
        let project = project();
        let config = Config {
            exclude: vec!["shop_cart".into()],
            ..Config::default()
        };
        let selection = Selection::new(&config, &project).unwrap();
        let mut findings = vec![
            Finding::new(Code::Syntax, "a").at("apps/shop/migrations/0001_a.py", None),
            Finding::new(Code::Syntax, "b").at("apps/shop/cart/migrations/0001_a.py", None),
            Finding::new(Code::DriftNotChecked, "c"),
        ];
        selection.keep(&mut findings, &project);
        let kept: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(kept, ["a", "c"]);
    }

    #[test]
    fn an_unknown_label_is_a_mistake() {
        let config = Config {
            apps: vec!["shopp".into()],
            ..Config::default()
        };
        let error = Selection::new(&config, &project()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`apps` names `shopp`, and no app in the workspace has this label\n\nhint: did you mean `shop`?"
        );
    }
}
