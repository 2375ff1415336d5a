//! The part of the host's file system that every confined program sees, whatever the manifest says.

use std::path::{Component, Path, PathBuf};

/// Programs and libraries. Links among them (`/bin` on a merged-usr system) are made again as links, folders are bound.
pub(crate) const FOLDERS: [&str; 8] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec",
];

/// Configuration that programs of any kind read and that says nothing about the host's users, services or secrets. A `*` at the end
/// stands for every name that begins so.
const CONFIGURATION: [&str; 17] = [
    // Where the dynamic loader finds libraries.
    "/etc/ld.so.cache",
    // Debian: /usr/bin/awk, python and others lead through here.
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    // Which distribution it is; pip asks.
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/lsb-release",
    "/etc/redhat-release",
    "/etc/alpine-release",
    "/etc/mime.types",
    // Names of ports and protocols, for getservbyname.
    "/etc/services",
    "/etc/protocols",
    "/etc/fonts",
    // Debian: what its Pythons run first, `sitecustomize.py`, leads there.
    "/etc/python3.*",
    // Settings of OpenSSL itself, not certificates; distributions keep security levels here.
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    // What that one includes on Fedora and its relatives.
    "/etc/crypto-policies",
];

/// The same with the names that this machine has for a `*`. Others may be missing here.
pub(crate) fn configuration() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in CONFIGURATION {
        match begins(name) {
            Some(begin) => found.extend(paths_that_begin(begin)),
            None => found.push(name.into()),
        }
    }
    found
}

fn begins(name: &str) -> Option<&str> {
    name.strip_suffix('*')
}

fn paths_that_begin(begin: &str) -> Vec<PathBuf> {
    // One that can't be listed has nothing to show.
    let entries = Path::new(begin).parent().and_then(|folder| folder.read_dir().ok());
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths
        .filter(|path| path_begins(path, begin) && path.metadata().is_ok())
        .collect();
    paths.sort();
    paths
}

fn path_begins(path: &Path, begin: &str) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(begin))
}

/// Certificate authorities; only with a network. Never `/etc/ssl` as a whole: it holds private keys.
pub(crate) const CERTIFICATES: [&str; 6] = [
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    // Arch: where those lead.
    "/etc/ca-certificates",
    // Fedora and its relatives: OpenSSL's own file and folder, and where they lead.
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
];

/// Written by the Cell itself.
pub(crate) const SYNTHETIC_FILES: [&str; 6] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
];

/// Device nodes that are bound one by one.
pub(crate) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Places that are made new in every Cell. A workspace can't be there.
pub(crate) const SYNTHETIC: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The paths that are visible without a grant.
#[derive(Debug, Clone, Copy)]
pub struct SystemSet(());

pub fn system_set() -> SystemSet {
    SystemSet(())
}

impl SystemSet {
    /// True when programs see this absolute path anyway. It looks at the name only: a link is to be resolved before, and a
    /// path with `..` is never covered.
    pub fn covers(&self, path: &Path) -> bool {
        if path.components().any(|part| part == Component::ParentDir) {
            return false;
        }
        FOLDERS
            .iter()
            .chain(&CONFIGURATION)
            .any(|known| begins(known).map_or_else(|| path.starts_with(known), |begin| path_begins(path, begin)))
    }

    /// Folders of programs and libraries. Those that this machine does not have are left out of a Cell.
    pub fn folders(&self) -> &'static [&'static str] {
        &FOLDERS
    }

    /// Files and folders of `/etc`, as they are on this machine. A `*` at the end stands for every name that begins so.
    pub fn configuration(&self) -> &'static [&'static str] {
        &CONFIGURATION
    }

    /// Files of `/etc` that a Cell has instead of this machine's: they name a user and a host that exist nowhere else.
    pub fn synthetic_files(&self) -> &'static [&'static str] {
        &SYNTHETIC_FILES
    }

    /// Device nodes, by their names in `/dev`.
    pub fn devices(&self) -> &'static [&'static str] {
        &DEVICES
    }

    /// What comes with a network: certificate authorities.
    pub fn with_network(&self) -> &'static [&'static str] {
        &CERTIFICATES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_programs_and_not_users() {
        let set = system_set();
        assert!(set.covers(Path::new("/usr/bin/python3")));
        assert!(set.covers(Path::new("/lib64/ld-linux-x86-64.so.2")));
        assert!(!set.covers(Path::new("/usrlocal/bin/python3")));
        assert!(!set.covers(Path::new("/usr/../root/.ssh/id_ed25519")));
        assert!(set.covers(Path::new("/etc/python3.11/sitecustomize.py")));
        assert!(!set.covers(Path::new("/etc/python2/sitecustomize.py")));
        assert!(!set.covers(Path::new("/etc/passwd")));
        assert!(!set.covers(Path::new("/etc/ssl/private/key.pem")));
        for synthetic in set.synthetic_files() {
            assert!(!set.covers(Path::new(synthetic)), "{synthetic}");
        }
    }
}
