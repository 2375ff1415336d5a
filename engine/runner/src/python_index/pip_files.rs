//! pip's configuration files.

use std::path::PathBuf;

use crate::Host;

/// Keys that say where packages come from and how the index is trusted. Each is also `PIP_KEY`.
pub(super) const KEYS: [&str; 9] = [
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

/// In the order in which pip reads them; a later one wins.
pub(super) fn files(host: &Host) -> Vec<PathBuf> {
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

/// They are ini files: `[global]` and `[install]`, `key = value`, further values on indented lines.
pub(super) fn settings(text: &str) -> Vec<(String, String)> {
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
            open = section_counts && KEYS.contains(&key.as_str());
            if open {
                settings.push((key, value.trim().to_owned()));
            }
        }
    }
    settings
}

pub(super) fn variable(key: &str) -> String {
    format!("PIP_{}", key.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pips_own_format() {
        let text = "[global]\nindex-url = https://index.example/simple\nextra-index-url =\n    https://a.example\n    https://b.example\n\
                    ; comment\ncolor = no\n[freeze]\ntimeout = 10\n[install]\nfind_links: /srv/wheels\n";
        assert_eq!(
            settings(text),
            [
                ("index-url".into(), "https://index.example/simple".into()),
                ("extra-index-url".into(), " https://a.example https://b.example".into()),
                ("find-links".into(), "/srv/wheels".into()),
            ]
        );
    }
}
