//! The `with` table of the stage.

use serde::{Deserialize, Serialize};

use crate::duration::Span;

/// Deploys a folder or an artifact to the hosts of an SSH target, as numbered releases behind one link.
#[derive(Debug, Clone, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The SSH target of the manifest (`[targets.NAME]`).
    pub target: String,
    /// Absolute folder on the hosts. Holds `releases/`, `shared/`, `deploy.log` and the link `current`.
    #[schemars(regex(pattern = r"^(/[^/]+)+/?$"), example = "/srv/shop")]
    pub path: String,
    /// What to do: deploy a new release, go back to the previous good one, or only look.
    #[serde(default)]
    pub action: Action,
    /// Folder of the workspace to upload; what is hidden in it stays here. Default: the workspace itself.
    #[serde(default)]
    pub source: Option<String>,
    /// Artifact to upload instead of a folder, as `stage/name`.
    #[serde(default)]
    pub artifact: Option<String>,
    /// What not to upload: gitignore-style patterns.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Paths that live in `shared/` and are linked into each release. A folder ends with `/` and is created; a file must be
    /// there before the first deployment.
    #[serde(default)]
    pub shared: Vec<String>,
    /// Command lines that run in the new release on every host, before it goes live. Environment: RELEASE, RELEASE_PATH,
    /// CURRENT_PATH, SHARED_PATH. Each runs in `sh -e` and must end with 0.
    #[serde(default)]
    pub before_swap: Vec<String>,
    /// The same, but on the first host only, once all hosts are prepared: database migrations, for instance.
    #[serde(default)]
    pub before_swap_once: Vec<String>,
    /// Command line that makes the application run the release that is live now, with the same environment. It also runs
    /// when the previous release is put back.
    #[serde(default)]
    pub restart: Option<String>,
    /// How to know that the new release answers. When it doesn't, the previous one is put back.
    #[serde(default)]
    pub health: Option<Health>,
    /// How many releases that are known to be good stay on each host. The live one and the last good one before it always stay.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1, max = 100))]
    pub keep: u32,
    /// How long one command line may take.
    #[serde(default = "default_command_timeout")]
    pub command_timeout: Span,
    /// How long to wait while another deployment holds the lock. Default: not at all.
    #[serde(default = "default_lock_wait")]
    pub lock_wait: Span,
    /// After this time without a sign of life a lock may be taken over.
    #[serde(default = "default_lock_expiry")]
    pub lock_expiry: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    #[default]
    Deploy,
    Rollback,
    Check,
}

/// Exactly one of `url` and `command`.
#[derive(Debug, Clone, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Health {
    /// Asked by the engine with GET. Needs `grant.http` for its origin. Redirects are not followed.
    #[serde(default)]
    pub url: Option<String>,
    /// Command line on the host, healthy when it ends with 0. Runs in the live release, with the same environment.
    #[serde(default)]
    pub command: Option<String>,
    /// The only status that counts as healthy. For `url`.
    #[serde(default = "default_status")]
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: u16,
    /// Text that the answer must contain; `{release}` stands for the release's number, so that an old process which still
    /// answers is not taken for the new release. For `url`.
    #[serde(default)]
    pub expect_text: Option<String>,
    /// How often to ask again after a wrong answer.
    #[serde(default = "default_retries")]
    #[schemars(range(max = 600))]
    pub retries: u32,
    /// Time between two questions.
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// Time for one answer.
    #[serde(default = "default_answer_timeout")]
    pub timeout: Span,
}

/// As Capistrano and Kamal do.
fn default_keep() -> u32 {
    5
}

/// Installing a project's packages on a small host takes minutes.
fn default_command_timeout() -> Span {
    Span::seconds(15 * 60)
}

fn default_lock_wait() -> Span {
    Span::seconds(0)
}

/// Longer than one command may take: the lock is renewed between commands.
fn default_lock_expiry() -> Span {
    Span::seconds(30 * 60)
}

fn default_status() -> u16 {
    200
}

/// With the default interval about half a minute, as Kamal waits.
fn default_retries() -> u32 {
    15
}

fn default_interval() -> Span {
    Span::seconds(2)
}

fn default_answer_timeout() -> Span {
    Span::seconds(5)
}

impl Config {
    /// What the schema can't say. Returns every mistake, not the first.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let clean = self.path.trim_end_matches('/');
        if !self.path.starts_with('/') || clean.is_empty() || has_odd_parts(clean) {
            mistakes.push(format!(
                "`path` must be an absolute folder below /, without `.` or `..`; it is `{}`",
                self.path
            ));
        }
        if self.source.is_some() && self.artifact.is_some() {
            mistakes.push("`source` and `artifact` exclude each other; keep one of them".to_owned());
        }
        if let Some(artifact) = &self.artifact
            && self.artifact_name().is_none()
        {
            mistakes.push(format!("`artifact` is written as \"stage/name\"; it is `{artifact}`"));
        }
        for entry in &self.shared {
            let name = entry.trim_end_matches('/');
            if name.is_empty() || name.starts_with('/') || has_odd_parts(name) {
                mistakes.push(format!(
                    "`shared` takes paths inside the release, such as \"media/\"; one is `{entry}`"
                ));
            }
        }
        if let Some(health) = &self.health {
            health.mistakes(&mut mistakes);
        }
        if self.lock_expiry <= self.command_timeout {
            mistakes.push(format!(
                "`lock-expiry` ({}) must be longer than `command-timeout` ({}), or the lock can be lost during a command",
                self.lock_expiry, self.command_timeout
            ));
        }
        mistakes
    }

    /// Stage and name of `artifact`.
    pub fn artifact_name(&self) -> Option<(&str, &str)> {
        let (stage, name) = self.artifact.as_deref()?.split_once('/')?;
        (!stage.is_empty() && !name.is_empty()).then_some((stage, name))
    }

    /// `path` without a slash at its end.
    pub fn root(&self) -> &str {
        self.path.trim_end_matches('/')
    }
}

impl Health {
    fn mistakes(&self, mistakes: &mut Vec<String>) {
        if self.url.is_some() == self.command.is_some() {
            mistakes.push("`health` takes exactly one of `url` and `command`".to_owned());
        }
        if self.url.is_some() && self.origin().is_none() {
            mistakes.push("`health.url` must be a URL such as \"https://shop.example.com/healthz\"".to_owned());
        }
        if self.command.is_some() && self.expect_text.is_some() {
            mistakes.push("`health.expect-text` goes with `url`; let the command check its answer itself".to_owned());
        }
    }

    /// Scheme, host and port of `url`, as `grant.http` wants it.
    pub fn origin(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let (scheme, rest) = url.split_once("://")?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        (known && !authority.is_empty() && !authority.contains(['@', ' ']))
            .then(|| format!("{}://{}", scheme.to_ascii_lowercase(), authority.to_ascii_lowercase()))
    }
}

fn has_odd_parts(path: &str) -> bool {
    path.contains(['\n', '\0', '\t'])
        || path
            .trim_start_matches('/')
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(extra: &str) -> Config {
        let mut json = serde_json::json!({ "target": "staging", "path": "/srv/shop" });
        let extra: serde_json::Value = serde_json::from_str(extra).unwrap();
        json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_defaults_are_free_of_mistakes() {
        assert_eq!(config("{}").mistakes(), Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let wrong = config(
            r#"{"path": "srv/../x", "source": ".", "artifact": "x", "shared": ["../up", "/abs", "media/"],
                "health": {}, "lock-expiry": "1m"}"#,
        );
        let mistakes = wrong.mistakes().join("\n");
        for word in [
            "`path`",
            "exclude each other",
            "\"stage/name\"",
            "`../up`",
            "`/abs`",
            "exactly one",
            "`lock-expiry`",
        ] {
            assert!(mistakes.contains(word), "{word} is missing in:\n{mistakes}");
        }
        assert!(!mistakes.contains("`media/`"));
    }

    /// Before a run, by the schema; the engine shows the example with it.
    #[test]
    fn a_relative_path_is_refused_by_the_schema() {
        let schema = schemars::schema_for!(Config);
        let path = &schema.as_value()["properties"]["path"];
        assert_eq!(path["pattern"], "^(/[^/]+)+/?$");
        assert_eq!(path["examples"], serde_json::json!(["/srv/shop"]));
    }

    #[test]
    fn the_root_folder_is_refused() {
        assert_eq!(config(r#"{"path": "/"}"#).mistakes().len(), 1);
        assert_eq!(config(r#"{"path": "/srv//x"}"#).mistakes().len(), 1);
    }

    #[test]
    fn origins() {
        let origin = |url: &str| {
            config(&format!(r#"{{"health": {{"url": "{url}"}}}}"#))
                .health
                .unwrap()
                .origin()
        };
        assert_eq!(
            origin("HTTPS://Shop.example.com/healthz?x").as_deref(),
            Some("https://shop.example.com")
        );
        assert_eq!(
            origin("http://127.0.0.1:8000").as_deref(),
            Some("http://127.0.0.1:8000")
        );
        assert_eq!(origin("http://user@host/"), None);
        assert_eq!(origin("ftp://host/"), None);
        assert_eq!(origin("/healthz"), None);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let json = r#"{"target": "t", "path": "/p", "post-swap": []}"#;
        assert!(serde_json::from_str::<Config>(json).is_err());
    }
}
