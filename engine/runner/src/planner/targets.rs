//! The targets that stages reach by SSH: hosts and host keys are fixed at plan time, so that no stage can change whom the
//! engine trusts.

use std::path::Path;
use std::time::Duration;

use tidegate_manifest::{Diagnostic, HostKeys, Span, Spanned, Target};

use super::planning::Draft;
use crate::expression::Template;
use crate::plan::{HostKeysPlan, TargetPlan};
use crate::ssh::{HostKeyPolicy, SshHost, SshTarget};

impl Draft<'_> {
    pub(super) fn target(&mut self, name: &str) -> Option<(String, TargetPlan)> {
        let Some(target) = self.pipeline.manifest.targets.get(name) else {
            if self.pipeline.manifest.gaps.targets {
                return None;
            }
            let mut mistake = Diagnostic::error("grant/unknown-target", format!("there is no target `{name}`"));
            let granted = self.pipeline.manifest.stages.iter().flat_map(|stage| &stage.grant.ssh);
            if let Some(grant) = granted.into_iter().find(|grant| grant.value == name) {
                mistake = mistake.at(&grant.span, "");
            }
            let lines =
                "hosts = [\"deploy@host.example.com\"]\nkey = \"deploy-key\"\nhost-keys = [\"ssh-ed25519 AAAA…\"]";
            self.mistakes.push(mistake.paste(format!("[targets.{name}]\n{lines}")));
            return None;
        };
        let hosts: Vec<_> = target
            .hosts
            .iter()
            .filter_map(|host| {
                let text = self.text(host, &host.span)?;
                let parsed = SshHost::parse(&text).map_err(|error| self.bad_target(&error.to_string(), &host.span));
                parsed.ok().map(|_| text)
            })
            .collect();
        let host_keys = self.host_keys(target)?;
        let millis = |value: &Option<Spanned<Duration>>, default: Duration| {
            value.as_ref().map_or(default, |written| written.value).as_millis() as u64
        };
        let plan = TargetPlan {
            hosts,
            key: target.key.value.clone(),
            passphrase: target.passphrase.as_ref().map(|name| name.value.clone()),
            host_keys,
            connect_timeout_ms: millis(&target.connect_timeout, SshTarget::CONNECT_TIMEOUT),
            keepalive_ms: millis(&target.keepalive, SshTarget::KEEPALIVE),
        };
        Some((name.to_owned(), plan))
    }

    /// Read at plan time, so that a stage can't change whom the engine trusts.
    fn host_keys(&mut self, target: &Target) -> Option<HostKeysPlan> {
        match &target.host_keys {
            HostKeys::Keys(keys) => {
                let texts: Vec<_> = keys.iter().filter_map(|key| self.text(key, &key.span)).collect();
                if let Err(error) = HostKeyPolicy::from_keys(&texts) {
                    self.bad_target(&error.to_string(), &keys.first().map_or(0..0, |key| key.span.clone()));
                }
                Some(HostKeysPlan::Keys(texts))
            }
            HostKeys::KnownHosts(path) => {
                let text = self.text(path, &path.span)?;
                let file = self.planner.host.expand_home(Path::new(&text));
                let file = if file.is_absolute() {
                    file
                } else {
                    self.pipeline.workspace.join(file)
                };
                match std::fs::read_to_string(&file) {
                    Ok(content) => {
                        if let Err(error) = HostKeyPolicy::from_known_hosts(&content) {
                            self.bad_target(&error.to_string(), &path.span);
                        }
                        Some(HostKeysPlan::KnownHosts(content))
                    }
                    Err(error) => {
                        self.bad_target(&format!("{}: {error}", file.display()), &path.span);
                        None
                    }
                }
            }
        }
    }

    fn text(&mut self, text: &str, span: &Span) -> Option<String> {
        let result = Template::parse(text).and_then(|template| template.evaluate_text(&self.scope));
        if result.is_err() && self.pipeline.manifest.gaps.vars {
            return None;
        }
        result.map_err(|error| self.bad_target(&error.to_string(), span)).ok()
    }

    fn bad_target(&mut self, text: &str, span: &Span) {
        self.mistakes
            .push(Diagnostic::error("target/invalid", text.to_owned()).at(span, ""));
    }
}
