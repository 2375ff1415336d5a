//! The end of the manifest: a deployment to fill in.

use super::manifest_text::ManifestText;
use super::packages::{Packages, Source};
use super::stage_table::{StageTable, comment, list, quoted};

impl ManifestText<'_> {
    /// Commented out, since nothing in the project says where to.
    pub(super) fn deploy(&self) -> Option<String> {
        let folder = &self.survey.django.folder;
        let manage = quoted(&format!(
            ".venv/bin/python {} migrate --noinput",
            shell_word(&self.survey.django.manage())
        ));
        let needs: Vec<_> = self.stages().into_iter().filter(|stage| *stage != "env").collect();
        let table = StageTable {
            name: "deploy",
            uses: "deploy-ssh",
            needs: &needs,
            when: Some(format!("branch == {}", cel_text(self.survey.branch.name()))),
            timeout: None,
            with: Vec::new(),
            grant: vec![("ssh", list(&["staging"])), ("source", "true".into())],
        };
        let Packages {
            source, for_servers, ..
        } = &self.survey.packages;
        let install = match source {
            Source::Requirements(files) => {
                let files: Vec<_> = for_servers.as_ref().map_or(files.iter().collect(), |file| vec![file]);
                let files: Vec<_> = files
                    .into_iter()
                    .map(|file| format!("-r {}", shell_word(file)))
                    .collect();
                files.join(" ")
            }
            Source::Project { folder, .. } if !folder.is_empty() => format!("./{}", shell_word(folder)),
            Source::Project { .. } => ".".into(),
            Source::Guess => "django".into(),
        };
        let install = quoted(&format!("python3 -m venv .venv && .venv/bin/pip install {install}"));
        let media = if folder.is_empty() {
            "media/".to_owned()
        } else {
            format!("{folder}/media/")
        };
        let note = comment(
            "Deployment over SSH: take the marks away and put your own values in. The key is a secret; where it comes\n\
             from stands in your own ~/.config/tidegate/config.toml:\n\n\
             \x20   [secrets.deploy-key]\n\
             \x20   file = \"~/.ssh/id_ed25519\"\n\n\
             `ssh-keyscan HOST` prints a host's keys; compare them with what the host itself shows.",
        );
        let text = format!(
            "[targets.staging]\n\
             hosts = [\"deploy@staging.example.com\"]\n\
             key = \"deploy-key\"\n\
             known-hosts = \"deploy/known_hosts\"\n\n\
             {}\n\
             [stages.deploy.with]\n\
             target = \"staging\"\n\
             path = {}\n\
             exclude = [\".venv/\", \"__pycache__/\"]\n\
             shared = [{}]\n\
             before-swap = [{install}]\n\
             before-swap-once = [{manage}]\n\
             restart = \"systemctl --user restart {}\"\n\
             health = {{ command = \"curl --fail --silent http://127.0.0.1:8000/\" }}\n",
            table.text(),
            quoted(&format!("/srv/{}", unit_name(self.name))),
            quoted(&media),
            unit_name(self.name),
        );
        let text: String = text
            .lines()
            .map(|line| {
                if line.is_empty() {
                    "#\n".to_owned()
                } else {
                    format!("#{line}\n")
                }
            })
            .collect();
        Some(format!("{note}\n{text}"))
    }
}

/// A CEL string in single quotes.
fn cel_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A word for the remote shell.
fn shell_word(text: &str) -> String {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A folder's name as a service's.
fn unit_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        "site".to_owned()
    } else {
        name.to_owned()
    }
}
