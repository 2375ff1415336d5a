//! The settings of a repository that git gets to see: how it is stored and what its files look like. A configuration can name
//! commands at more places than anybody lists (filters, monitors, hooks, transports, helpers), so these are the ones taken over
//! and not those left out.

/// Read by git as they are in the repository. No value of them names a program.
const PLAIN: [&str; 13] = [
    "core.repositoryformatversion",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.autocrlf",
    "core.eol",
    "core.trustctime",
    "core.checkstat",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "extensions.objectformat",
    "extensions.refstorage",
];

/// The same, of each branch and remote: what `@{upstream}` means.
const NAMED: [(&str, &str); 3] = [("branch", "remote"), ("branch", "merge"), ("remote", "fetch")];

/// Without these a repository is read all the same.
const NEEDLESS: [&str; 7] = [
    "extensions.compatobjectformat",
    "extensions.noop",
    "extensions.noop-v1",
    "extensions.partialclone",
    "extensions.preciousobjects",
    "extensions.relativeworktrees",
    "extensions.worktreeconfig",
];

/// The engine's own. Quoted paths would have to be read back.
const OWN: &str = "[core]\n\tfsmonitor = false\n\thooksPath = /dev/null\n\tquotePath = false\n";

/// One line of a configuration, as `git config --null --list` tells it: section and name are in lower case.
struct Setting<'a> {
    section: &'a str,
    /// Any bytes but a line's end.
    subsection: Option<&'a [u8]>,
    name: &'a str,
    /// None stands for true.
    value: Option<&'a [u8]>,
}

/// A configuration with what may be taken over from the listed ones, later ones over earlier ones. The text says what can't be
/// left out.
pub(super) fn harmless(listed: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    for setting in listed.split(|byte| *byte == 0).filter_map(parse) {
        let Setting { section, name, .. } = setting;
        if setting.is_harmless() {
            setting.write(&mut text);
        } else if section == "extensions" && !NEEDLESS.contains(&format!("{section}.{name}").as_str()) {
            return Err(format!(
                "the repository needs `{section}.{name}`, which is not known here"
            ));
        }
    }
    text.extend_from_slice(OWN.as_bytes());
    Ok(text)
}

fn parse(listed: &[u8]) -> Option<Setting<'_>> {
    let (key, value) = match listed.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&listed[..end], Some(&listed[end + 1..])),
        None => (listed, None),
    };
    let first = key.iter().position(|byte| *byte == b'.')?;
    let last = key.iter().rposition(|byte| *byte == b'.')?;
    Some(Setting {
        section: str::from_utf8(&key[..first]).ok()?,
        subsection: (first < last).then(|| &key[first + 1..last]),
        name: str::from_utf8(&key[last + 1..]).ok()?,
        value,
    })
}

impl Setting<'_> {
    fn is_harmless(&self) -> bool {
        match self.subsection {
            None => PLAIN.contains(&format!("{}.{}", self.section, self.name).as_str()),
            Some(_) => NAMED.contains(&(self.section, self.name)),
        }
    }

    fn write(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(format!("[{}", self.section).as_bytes());
        if let Some(subsection) = self.subsection {
            text.push(b' ');
            quote(subsection, text);
        }
        text.extend_from_slice(format!("]\n\t{}", self.name).as_bytes());
        if let Some(value) = self.value {
            text.extend_from_slice(b" = ");
            quote(value, text);
        }
        text.push(b'\n');
    }
}

fn quote(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            _ => text.push(*byte),
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_settings_are_taken_over() {
        let listed = b"core.filemode\nfalse\0core.fsmonitor\ntouch x\0core.bare\0filter.a=b.clean\ntouch x\0\
            include.path\nother\0branch.a\"b\\c.d.merge\nrefs/heads/\"x\nfilter\0branch.a.remote.x\n1\0core.symlinks\0\
            remote.core.filemode.uploadpack\ntouch x\0extensions.partialclone\norigin\0\xff\xfe.x\ny\0";
        let text = harmless(listed).unwrap();
        let expected = r#"[core]
	filemode = "false"
[branch "a\"b\\c.d"]
	merge = "refs/heads/\"x\nfilter"
[core]
	symlinks
[core]
	fsmonitor = false
	hooksPath = /dev/null
	quotePath = false
"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_storage_that_is_not_known_is_not_guessed_at() {
        assert_eq!(
            harmless(b"extensions.objectstorage\ncloud\0").unwrap_err(),
            "the repository needs `extensions.objectstorage`, which is not known here"
        );
    }
}
