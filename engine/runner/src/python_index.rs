//! `@python-index`: where the user's pip and uv look for packages. Read from the user's and the system's configuration, never
//! from the project's; credentials are left out. No host is built in.

use std::path::{Path, PathBuf};

use crate::Host;
use crate::plan::PythonIndexPlan;

/// Keys of pip's configuration that say where packages come from and how the index is trusted. Each is also `PIP_KEY`.
const PIP_KEYS: [&str; 9] = [
    "index-url",
    "extra-index-url",
    "no-index",
    "find-links",
    "cert",
    "trusted-host",
    "timeout",
    "retries",
    "disable-pip-version-check",
];

/// Variables of uv with the same meaning, and those by which both find certificates.
const VARIABLES: [&str; 11] = [
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_NATIVE_TLS",
    "UV_HTTP_TIMEOUT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
];

pub(crate) fn read(host: &Host) -> PythonIndexPlan {
    let mut plan = PythonIndexPlan::default();
    for file in pip_files(host) {
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        for (key, value) in pip_settings(&text) {
            plan.env.insert(variable(&key), value);
        }
    }
    let from_env = PIP_KEYS
        .iter()
        .map(|key| variable(key))
        .chain(VARIABLES.map(str::to_owned));
    for name in from_env {
        if let Some(value) = host.var(&name) {
            plan.env.insert(name, value.to_owned());
        }
    }
    for value in plan.env.values_mut() {
        *value = value
            .split_whitespace()
            .map(without_credentials)
            .collect::<Vec<_>>()
            .join(" ");
    }
    plan.read = plan
        .env
        .values()
        .flat_map(|value| value.split_whitespace())
        .filter_map(existing_path)
        .collect();
    plan.read.sort();
    plan.read.dedup();
    plan
}

/// In the order in which pip reads them; a later one wins.
fn pip_files(host: &Host) -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/pip.conf")];
    if let Some(home) = &host.home {
        let config = host
            .var("XDG_CONFIG_HOME")
            .map_or_else(|| home.join(".config"), PathBuf::from);
        files.extend([home.join(".pip/pip.conf"), config.join("pip/pip.conf")]);
    }
    files.extend(host.var("PIP_CONFIG_FILE").map(PathBuf::from));
    files
}

/// pip's files are ini files: `[global]` and `[install]`, `key = value`, further values on indented lines.
fn pip_settings(text: &str) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = Vec::new();
    let (mut section_counts, mut open) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section_counts = matches!(section, "global" | "install");
            open = false;
        } else if line.starts_with([' ', '\t']) {
            if let (true, Some((_, value))) = (open, settings.last_mut()) {
                value.push(' ');
                value.push_str(trimmed);
            }
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = key.trim().to_lowercase().replace('_', "-");
            open = section_counts && PIP_KEYS.contains(&key.as_str());
            if open {
                settings.push((key, value.trim().to_owned()));
            }
        }
    }
    settings
}

fn variable(key: &str) -> String {
    format!("PIP_{}", key.to_uppercase().replace('-', "_"))
}

/// `https://user:password@host/` without what stands before the `@`.
fn without_credentials(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => value.to_owned(),
    }
}

fn existing_path(value: &str) -> Option<PathBuf> {
    let path = Path::new(value.strip_prefix("file://").unwrap_or(value));
    (path.is_absolute() && path.exists()).then(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pips_own_format() {
        let text = "[global]\nindex-url = https://index.example/simple\nextra-index-url =\n    https://a.example\n    https://b.example\n\
                    ; comment\ncolor = no\n[freeze]\ntimeout = 10\n[install]\nfind_links: /srv/wheels\n";
        assert_eq!(
            pip_settings(text),
            [
                ("index-url".into(), "https://index.example/simple".into()),
                ("extra-index-url".into(), " https://a.example https://b.example".into()),
                ("find-links".into(), "/srv/wheels".into()),
            ]
        );
    }

    #[test]
    fn credentials_are_left_out() {
        assert_eq!(
            without_credentials("https://me:pw@index.example/simple"),
            "https://index.example/simple"
        );
        assert_eq!(
            without_credentials("https://index.example/a@b"),
            "https://index.example/a@b"
        );
        assert_eq!(without_credentials("60"), "60");
    }

    #[test]
    fn the_environment_wins_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pip.conf");
        std::fs::write(&file, "[global]\nindex-url = https://file.example\ntimeout = 5\n").unwrap();
        let host = Host {
            env: [
                ("PIP_CONFIG_FILE", file.to_str().unwrap()),
                ("PIP_INDEX_URL", "https://u:p@env.example"),
                ("PIP_CERT", file.to_str().unwrap()),
                ("AWS_SECRET", "x"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            home: Some(folder.path().into()),
            temp: PathBuf::new(),
            cache: None,
            helper: PathBuf::new(),
        };
        let plan = read(&host);
        assert_eq!(plan.env["PIP_INDEX_URL"], "https://env.example");
        assert_eq!(plan.env["PIP_TIMEOUT"], "5");
        assert_eq!(plan.read, [file]);
        assert!(!plan.env.contains_key("AWS_SECRET"));
    }
}
