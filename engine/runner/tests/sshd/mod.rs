//! A real OpenSSH server on a loopback port, with throw-away keys.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A loaded machine takes a while to start a process.
const START: Duration = Duration::from_secs(20);

/// Others may take the port between our look and sshd's bind.
const PORTS_TRIED: usize = 5;

/// The server and its folder, which also serves as a place for remote files. Both are gone when it is dropped.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    folder: TempDir,
    process: Child,
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Host keys of the types ed25519 and rsa, and one key that may log in.
    pub(crate) fn start() -> Self {
        Self::with_host_keys(&["ed25519", "rsa"])
    }

    pub(crate) fn with_host_keys(types: &[&str]) -> Self {
        let program = program();
        let folder = tempfile::tempdir().unwrap();
        if user() == "root" {
            // sshd refuses to start as root without it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for kind in types {
            keygen(&folder.path().join(format!("host_{kind}")), kind, "");
        }
        keygen(&folder.path().join("user"), "ed25519", "");
        fs::copy(folder.path().join("user.pub"), folder.path().join("authorized_keys")).unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let mut last = String::new();
        for _ in 0..PORTS_TRIED {
            let port = free_port();
            let config = folder.path().join("sshd_config");
            fs::write(&config, configuration(folder.path(), port, types)).unwrap();
            let mut process = Command::new(&program)
                .args(["-D", "-e", "-f"])
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let log = collect(&mut process);
            if listens(&mut process, &log) {
                return Self {
                    port,
                    folder,
                    process,
                    log,
                };
            }
            let _ = process.kill();
            let _ = process.wait();
            last = log.lock().unwrap().clone();
        }
        panic!("sshd did not start:\n{last}");
    }

    /// `user@127.0.0.1:port`
    pub(crate) fn label(&self) -> String {
        format!("{}@127.0.0.1:{}", user(), self.port)
    }

    /// `[127.0.0.1]:port`, as known_hosts has it.
    pub(crate) fn known_hosts_name(&self) -> String {
        format!("[127.0.0.1]:{}", self.port)
    }

    /// Type and key, without a comment.
    pub(crate) fn host_key(&self, kind: &str) -> String {
        let line = fs::read_to_string(self.folder.path().join(format!("host_{kind}.pub"))).unwrap();
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// The private key that may log in.
    pub(crate) fn user_key(&self) -> String {
        fs::read_to_string(self.folder.path().join("user")).unwrap()
    }

    /// A new key that may log in too.
    pub(crate) fn authorized_key(&self, kind: &str, passphrase: &str) -> String {
        let path = self.folder.path().join(format!("another_{kind}"));
        keygen(&path, kind, passphrase);
        let public = fs::read_to_string(path.with_extension("pub")).unwrap();
        let authorized = self.folder.path().join("authorized_keys");
        let all = fs::read_to_string(&authorized).unwrap();
        fs::write(authorized, all + &public).unwrap();
        fs::read_to_string(path).unwrap()
    }

    /// A folder for remote files.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The processes that serve connections, and the commands that run in them.
    pub(crate) fn busy(&self) -> usize {
        with_descendants(self.process.id()).len() - 1
    }

    /// Kills the server and everything that it started, in the middle of whatever they do.
    pub(crate) fn kill(&mut self) {
        for process in with_descendants(self.process.id()) {
            let _ = Command::new("kill")
                .args(["-9", &process.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        let _ = self.process.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("sshd said:\n{}", self.log());
        }
    }
}

/// Makes a key pair: `path` and `path.pub`.
pub(crate) fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen runs; install it with: apt-get install openssh-client");
    assert!(status.success());
}

/// Who runs the tests, and so may log in.
pub(crate) fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn program() -> PathBuf {
    ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .expect("sshd is installed; install it with: apt-get install openssh-server")
}

fn configuration(folder: &Path, port: u16, types: &[&str]) -> String {
    let folder = folder.display();
    // Another home, so that the start-up files of whoever runs the tests have no part in them.
    let mut text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nAuthorizedKeysFile {folder}/authorized_keys\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no\n\
         PermitRootLogin prohibit-password\nSetEnv HOME={folder}/files\nPrintMotd no\nMaxStartups 100:30:200\nMaxSessions 100\nLogLevel VERBOSE\n"
    );
    for kind in types {
        text += &format!("HostKey {folder}/host_{kind}\n");
    }
    text
}

fn collect(process: &mut Child) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let stderr = process.stderr.take().unwrap();
    let into = log.clone();
    // It ends with the server.
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut into = into.lock().unwrap();
            into.push_str(&line);
            into.push('\n');
        }
    });
    log
}

fn listens(process: &mut Child, log: &Mutex<String>) -> bool {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        // Not by connecting: somebody else could have taken the port.
        if log.lock().unwrap().contains("Server listening on 127.0.0.1") {
            return true;
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn with_descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The name in brackets may have spaces; the state and the parent follow it.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == process)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    found
}
