//! Who programs think they are: a user, a group and a host that exist nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::network::{Layout, NAME_SERVER};
use crate::spec::CellSpec;

pub(super) const UID: u32 = 1000;
pub(super) const GID: u32 = 1000;
pub(super) const HOSTNAME: &str = "tidegate";

const HOSTS: &str = "127.0.0.1 localhost tidegate\n::1 localhost ip6-localhost ip6-loopback\n";

/// The small files of `/etc` that are written rather than bound, with those of the specification.
pub(super) fn files(spec: &CellSpec) -> BTreeMap<PathBuf, String> {
    let home = spec.home();
    let home = home.display();
    let hosts = format!("{HOSTS}{}", Layout::new(&spec.network).hosts());
    let files = BTreeMap::from([
        (
            "/etc/passwd",
            format!(
                "root:x:0:0:root:/:/usr/sbin/nologin\n\
                 tidegate:x:{UID}:{GID}:Tidegate:{home}:/bin/sh\n\
                 nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
            ),
        ),
        (
            "/etc/group",
            format!("root:x:0:\ntidegate:x:{GID}:\nnogroup:x:65534:\n"),
        ),
        ("/etc/hosts", hosts),
        ("/etc/hostname", format!("{HOSTNAME}\n")),
        // The host's own may name modules that talk to services of the host (systemd-resolved, sssd).
        (
            "/etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n".to_owned(),
        ),
        ("/etc/resolv.conf", format!("nameserver {}\n", NAME_SERVER.ip())),
    ]);
    let mut files: BTreeMap<PathBuf, String> = files
        .into_iter()
        .map(|(path, content)| (PathBuf::from(path), content))
        .collect();
    for (path, content) in &spec.extra_files {
        let appended = path == Path::new("/etc/hosts");
        let file = files.entry(path.clone()).or_default();
        if appended && !file.is_empty() {
            if !file.ends_with('\n') {
                file.push('\n');
            }
            file.push_str(content);
        } else {
            file.clone_from(content);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system_set::system_set;

    #[test]
    fn these_files_and_no_others() {
        let written: Vec<_> = files(&CellSpec::new("/w", "/s")).into_keys().collect();
        let mut told: Vec<_> = system_set().synthetic_files().iter().map(PathBuf::from).collect();
        told.sort();
        assert_eq!(written, told);
    }

    #[test]
    fn extra_hosts_are_added_and_other_files_replaced() {
        let mut spec = CellSpec::new("/w", "/s");
        spec.extra_files
            .insert("/etc/hosts".into(), "127.64.0.1 db.example.com\n".to_owned());
        spec.extra_files.insert("/etc/hostname".into(), "other\n".to_owned());
        let files = files(&spec);
        assert_eq!(
            files[Path::new("/etc/hosts")],
            format!("{HOSTS}127.64.0.1 db.example.com\n")
        );
        assert_eq!(files[Path::new("/etc/hostname")], "other\n");
    }
}
