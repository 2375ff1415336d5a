//! A root file system as another distribution has it, with programs of this machine in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::project::HELPER;
use crate::python_files::{Libraries, PythonFiles, copy};

const WORKSPACE: &str = "/srv/project";
const CONFINE: &str = "/confine";
const TOOLS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes $1 the root of this mount namespace, which the kernel asks for where user namespaces are made, and starts the rest there.
/// The machine's table of mounts (`--no-mtab`) is not an ordinary user's to write.
const ENTER: &str = "set -e; mount --no-mtab --bind \"$1\" \"$1\"; cd \"$1\"\n\
    for folder in proc sys dev; do mount --no-mtab --rbind /$folder $folder; done\n\
    mount --no-mtab --move . /; shift; exec chroot . \"$@\"";

pub(crate) struct Layout {
    root: TempDir,
    pub(crate) python: PythonFiles,
    libraries: Libraries,
    env: BTreeMap<String, String>,
}

impl Layout {
    /// What all have in common. None where this user can't enter another one, for which a reason is printed.
    pub(crate) fn new() -> Option<Self> {
        let enters = unshare().arg("true").output().unwrap().status.success();
        if !enters {
            eprintln!("skipped: this machine lets an ordinary user make no mount namespace");
            return None;
        }
        let python = PythonFiles::find();
        let mut binaries = python.binaries();
        binaries.extend([HELPER.into(), "/bin/sh".into()]);
        let layout = Self {
            root: tempfile::tempdir().unwrap(),
            libraries: Libraries::of(&binaries),
            python,
            env: BTreeMap::new(),
        };
        fs::set_permissions(layout.root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["/proc", "/sys", "/dev", "/tmp", WORKSPACE] {
            layout.folder(folder);
        }
        fs::set_permissions(layout.at("/tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        // In another file system it is another file.
        fs::hard_link(HELPER, layout.at(CONFINE)).unwrap_or_else(|_| copy(HELPER.as_ref(), &layout.at(CONFINE)));
        Some(
            layout
                .file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
                .file("/etc/group", "root:x:0:\n")
                .file("/etc/hosts", "127.0.0.1 localhost\n")
                .file("/etc/services", "https 443/tcp\n")
                .file("/etc/shadow", "secret")
                .file("/root/secret", "secret"),
        )
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn folder(&self, path: &str) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    pub(crate) fn folders(self, paths: &[&str]) -> Self {
        paths.iter().for_each(|path| self.folder(path));
        self
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.folder(parent(path));
        fs::write(self.at(path), content).unwrap();
        self
    }

    /// Each path and what it leads to. Absolute targets are those of the layout.
    pub(crate) fn links(self, links: &[(&str, &str)]) -> Self {
        for (path, target) in links {
            self.folder(parent(path));
            symlink(target, self.at(path)).unwrap();
        }
        self
    }

    /// A later one replaces.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Below the folder for programs: `python3.11`, its library beside it, and `python3`.
    pub(crate) fn python(self, prefix: &str, library: &str) -> Self {
        self.python.copy(&self.at(prefix), library);
        self.env("PYTHONPLATLIBDIR", library)
    }

    pub(crate) fn shell(self, path: &str) -> Self {
        copy("/bin/sh".as_ref(), &self.at(path));
        self
    }

    /// The loader at its own path, the C library's parts in the first folder and all others in the second one; then the loader's
    /// cache, without which it would not look there.
    pub(crate) fn libraries(self, first: &str, second: &str) -> Self {
        let loader = self.libraries.loader.clone();
        copy(&loader, &self.at(loader.to_str().unwrap()));
        for library in &self.libraries.files {
            let name = library.file_name().unwrap().to_str().unwrap();
            let folder = if name.starts_with("libc.") || name.starts_with("libm.") {
                first
            } else {
                second
            };
            copy(library, &self.at(folder).join(name));
        }
        let layout = self.file("/etc/ld.so.conf", &format!("{first}\n{second}\n"));
        let mut ldconfig = Command::new("ldconfig");
        let output = ldconfig
            .env("PATH", TOOLS)
            .args(["-X", "-r"])
            .arg(layout.root.path())
            .output()
            .unwrap();
        assert!(layout.at("/etc/ld.so.cache").exists(), "{output:?}");
        layout
    }

    /// The time zone that all layouts are in.
    pub(crate) fn zone(self, folder: &str) -> Self {
        let zone = self.at(folder).join("Europe/Berlin");
        copy("/usr/share/zoneinfo/Europe/Berlin".as_ref(), &zone);
        self
    }

    /// As an OpenSSL that was built with this folder: where it has its settings and certificates.
    pub(crate) fn openssl(self, folder: &str) -> Self {
        self.env("OPENSSL_CONF", &format!("{folder}/openssl.cnf"))
            .env("SSL_CERT_FILE", &format!("{folder}/cert.pem"))
            .env("SSL_CERT_DIR", &format!("{folder}/certs"))
    }

    /// A certificate that signed itself, at `bundle` if there is one; at a name like those in OpenSSL's folders of certificates
    /// if `hashed` is one. The workspace has it with its key.
    pub(crate) fn certificate(self, path: &str, hashed: Option<&str>) -> Self {
        let (key, certificate) = (self.at(WORKSPACE).join("key.pem"), self.at(path));
        self.folder(parent(path));
        let openssl = |args: &[&str], files: &[(&str, &Path)]| {
            let mut command = Command::new("openssl");
            command.args(args);
            for (option, file) in files {
                command.arg(option).arg(file);
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let request = "req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=layout.test \
            -addext subjectAltName=DNS:layout.test";
        let request: Vec<_> = request.split_whitespace().collect();
        openssl(&request, &[("-keyout", &key), ("-out", &certificate)]);
        copy(&certificate, &self.at(WORKSPACE).join("certificate.pem"));
        let Some(folder) = hashed else { return self };
        let hash = openssl(&["x509", "-hash", "-noout"], &[("-in", &certificate)]);
        let target = path.strip_prefix(&format!("{folder}/")).unwrap_or(path);
        self.links(&[(&format!("{folder}/{}.0", hash.trim()), target)])
    }

    /// Runs a program in a Cell of this machine; both output streams, without what `confine` says of ids.
    pub(crate) fn confine(&self, options: &[&str], program: &[&str]) -> (Option<i32>, String) {
        let mut command = unshare();
        command.args(["sh", "-c", ENTER, "sh"]).arg(self.root.path());
        let start = format!("cd {WORKSPACE} && exec {CONFINE} \"$@\"");
        command.args(["/bin/sh", "-c", &start, "confine"]);
        for (name, value) in &self.env {
            command.env(name, value).args(["--env", name]);
        }
        let output = command.args(options).arg("--").args(program).output().unwrap();
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        let lines = texts.iter().flat_map(|text| text.lines());
        let lines: Vec<_> = lines.filter(|line| !line.starts_with("confine: note: ")).collect();
        (output.status.code(), lines.join("\n"))
    }
}

/// What it starts has mounts of its own, which end with it.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", TOOLS).arg("--mount");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}
