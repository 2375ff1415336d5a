//! The capabilities that a stage can ask for, and when a grant gives what was asked.

use std::path::{Component, Path, PathBuf};

use tidegate_manifest::{Grants, NetGrant, Span};

/// What a grant's entry looks like to the planner: its key, its text and its place.
pub(super) struct Entry {
    pub(super) capability: &'static str,
    pub(super) name: String,
    pub(super) span: Span,
}

/// Keys of `grant` that can be requested.
pub(super) const CAPABILITIES: [&str; 9] = [
    "exec", "net", "read", "write", "env", "secrets", "ssh", "http", "source",
];

/// Those that the broker or the component use: they need the stage's request beside the manifest's grant. The others speak of
/// native programs and files, which the manifest's author knows better than the stage's.
pub(super) const TWO_KEYS: [&str; 5] = ["exec", "secrets", "ssh", "http", "source"];

pub(super) fn entries(grants: &Grants) -> Vec<Entry> {
    let entry = |capability, name: String, span: &Span| Entry {
        capability,
        name,
        span: span.clone(),
    };
    let mut entries = Vec::new();
    entries.extend(
        grants
            .exec
            .iter()
            .map(|(name, program)| entry("exec", name.clone(), &program.span)),
    );
    entries.extend(grants.net.iter().map(|net| entry("net", net_text(net), &net.span)));
    entries.extend(
        grants
            .read
            .iter()
            .map(|path| entry("read", path.display().to_string(), &path.span)),
    );
    entries.extend(
        grants
            .write
            .iter()
            .map(|path| entry("write", path.display().to_string(), &path.span)),
    );
    entries.extend(
        grants
            .env
            .iter()
            .map(|name| entry("env", name.value.clone(), &name.span)),
    );
    entries.extend(
        grants
            .secrets
            .iter()
            .map(|(name, secret)| entry("secrets", name.clone(), &secret.span)),
    );
    entries.extend(
        grants
            .ssh
            .iter()
            .map(|target| entry("ssh", target.value.clone(), &target.span)),
    );
    entries.extend(
        grants
            .http
            .iter()
            .map(|origin| entry("http", origin.value.clone(), &origin.span)),
    );
    if let Some(source) = grants.source.as_ref().filter(|source| source.value) {
        entries.push(entry("source", "source".into(), &source.span));
    }
    entries
}

impl Entry {
    /// True when this entry gives what a stage asks for by `capability` and `name`.
    pub(super) fn gives(&self, capability: &str, name: &str) -> bool {
        if self.capability != capability {
            return false;
        }
        match capability {
            "read" | "write" => clean(&name.into()).starts_with(clean(&self.name.clone().into())),
            "http" => origin(name) == origin(&self.name),
            "source" => true,
            _ => self.name == name,
        }
    }
}

/// As it is written in a manifest.
pub fn net_text(net: &NetGrant) -> String {
    match net {
        NetGrant::Host { host, port, .. } => format!("{host}:{port}"),
        NetGrant::PythonIndex { .. } => "@python-index".into(),
        NetGrant::HostLoopback { port } => format!("host-loopback:{port}"),
        NetGrant::Unix { path } => format!("unix:{}", path.display()),
    }
}

/// `.` and `./` lead nowhere: `./a` is `a`, and `.` is the empty path, which every path starts with.
pub(super) fn clean(path: &PathBuf) -> PathBuf {
    Path::new(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// `https://Example.com:443/path` as `https://example.com:443`, with the port always there.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(format!(
        "{}://{}:{}",
        url.scheme(),
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(capability: &'static str, name: &str) -> Entry {
        Entry {
            capability,
            name: name.into(),
            span: 0..0,
        }
    }

    #[test]
    fn folders_give_what_lies_in_them() {
        assert!(entry("write", ".").gives("write", ".venv"));
        assert!(entry("write", "build").gives("write", "build/css"));
        assert!(entry("write", "./build/").gives("write", "build"));
        assert!(!entry("write", "build").gives("write", "builder"));
        assert!(!entry("write", "build").gives("read", "build"));
    }

    #[test]
    fn origins_are_compared_with_their_ports() {
        assert!(entry("http", "https://example.com").gives("http", "https://EXAMPLE.com:443/health"));
        assert!(!entry("http", "https://example.com").gives("http", "http://example.com/"));
        assert!(!entry("http", "https://example.com").gives("http", "https://example.com:8443"));
        assert!(!entry("http", "https://example.com").gives("http", "https://example.com.evil.org"));
    }

    #[test]
    fn names_are_compared_exactly() {
        assert!(entry("exec", "python").gives("exec", "python"));
        assert!(!entry("exec", "python").gives("exec", "python3"));
        assert!(entry("source", "source").gives("source", "changes"));
    }
}
