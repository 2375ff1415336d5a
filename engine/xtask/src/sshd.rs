//! An OpenSSH server on a loopback port, with throw-away keys.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::step::{answer, run};

/// A loaded machine takes a while to start a process.
const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Where distributions put it: not on the PATH of ordinary users.
const PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// The server; gone when it is dropped. Its files stay in `folder`.
pub(crate) struct Sshd {
    folder: PathBuf,
    port: u16,
    process: Child,
}

/// sshd insists on an absolute path of its own.
pub(crate) fn program() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

impl Sshd {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let program = program().context("sshd is missing")?;
        fs::create_dir_all(folder.join("home"))?;
        if user()? == "root" {
            // sshd does not start as root without it.
            fs::create_dir_all("/run/sshd")?;
        }
        for name in ["host_key", "user_key"] {
            let mut keygen = Command::new("ssh-keygen");
            run(keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(folder.join(name)))?;
        }
        fs::copy(folder.join("user_key.pub"), folder.join("authorized_keys"))?;
        let port = free_port()?;
        fs::write(folder.join("sshd_config"), configuration(folder, port))?;
        let process = Command::new(program)
            .args(["-D", "-f"])
            .arg(folder.join("sshd_config"))
            .arg("-E")
            .arg(folder.join("log"))
            .stdin(Stdio::null())
            // A Ctrl-C is for us: cleaning up still needs the server's host keys and connections in order.
            .process_group(0)
            .spawn()
            .context("can't start sshd")?;
        let mut sshd = Self {
            folder: folder.to_owned(),
            port,
            process,
        };
        sshd.wait_until_it_listens()?;
        Ok(sshd)
    }

    /// `user@127.0.0.1:port`
    pub(crate) fn label(&self) -> String {
        format!("{}@127.0.0.1:{}", user().unwrap_or_default(), self.port)
    }

    pub(crate) fn known_hosts(&self) -> anyhow::Result<String> {
        let key = fs::read_to_string(self.folder.join("host_key.pub"))?;
        Ok(format!("[127.0.0.1]:{} {key}", self.port))
    }

    /// The private key that may log in.
    pub(crate) fn user_key(&self) -> PathBuf {
        self.folder.join("user_key")
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                bail!("sshd ended at once ({status}):\n{}", self.log());
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("sshd does not listen after {} s:\n{}", START.as_secs(), self.log())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    // A fresh host: the python3 that was checked, but none of this user's shell start-up files, which may do anything.
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = folder.display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nHostKey {folder}/host_key\n\
         AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\nPrintMotd no\n\
         SetEnv \"PATH={path}\" \"HOME={folder}/home\"\n"
    )
}

fn user() -> anyhow::Result<String> {
    answer("id", &["-un"]).context("can't find out who runs this: `id -un` fails")
}
