//! The part of the host's file system that every confined program sees, whatever the manifest says.

use std::path::{Component, Path};

/// Programs and libraries. Links among them (`/bin` on a merged-usr system) are made again as links, folders are bound.
pub(crate) const FOLDERS: [&str; 8] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec",
];

/// Configuration that programs of any kind read and that says nothing about the host's users, services or secrets.
pub(crate) const CONFIGURATION: [&str; 16] = [
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
    // Settings of OpenSSL itself, not certificates; distributions keep security levels here.
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    // What that one includes on Fedora and its relatives.
    "/etc/crypto-policies",
];

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
            .any(|known| path.starts_with(known))
    }

    /// Folders of programs and libraries. Those that this machine does not have are left out of a Cell.
    pub fn folders(&self) -> &'static [&'static str] {
        &FOLDERS
    }

    /// Files and folders of `/etc`, as they are on this machine.
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
        assert!(!set.covers(Path::new("/etc/passwd")));
        assert!(!set.covers(Path::new("/etc/ssl/private/key.pem")));
        for synthetic in set.synthetic_files() {
            assert!(!set.covers(Path::new(synthetic)), "{synthetic}");
        }
    }
}
