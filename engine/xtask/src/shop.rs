//! The example project, copied to a place of its own, with a host to deploy it to.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::sshd::{Sshd, free_port};
use crate::step::{root, run};

/// The site is up by then; a page takes milliseconds.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Beginnings of the variables in which CI systems say what they build.
const OF_CI: [&str; 9] = [
    "BITBUCKET_",
    "BUILD_",
    "CIRCLE",
    "CI_",
    "DRONE_",
    "GITHUB_",
    "GITLAB_",
    "JENKINS_",
    "TRAVIS",
];

/// Everything is gone when it is dropped: the site, sshd, the folder.
pub(crate) struct Shop {
    sshd: Sshd,
    site_port: u16,
    // Last, so that it is removed after those that use it.
    folder: TempDir,
}

impl Shop {
    /// A copy of `examples/shop` with a commit, a server to log in to, and a user's configuration with the key to it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tidegate-demo-").tempdir()?;
        let shop = Self {
            sshd: Sshd::start(&folder.path().join("sshd"))?,
            site_port: free_port()?,
            folder,
        };
        shop.copy_project().context("can't copy examples/shop")?;
        shop.configure().context("can't write the user's configuration")?;
        let git = |arguments: &[&str]| {
            let identity = [
                "-c",
                "user.name=demo",
                "-c",
                "user.email=demo@localhost",
                "-c",
                "commit.gpgsign=false",
            ];
            run(Command::new("git")
                .args(identity)
                .args(arguments)
                .current_dir(shop.project()))
        };
        git(&["init", "--quiet", "--initial-branch", "main"])?;
        git(&["add", "--all"])?;
        git(&["commit", "--quiet", "--message", "The shop"])?;
        Ok(shop)
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// `tidegate` in the project, with the user's configuration of this demo.
    pub(crate) fn tidegate(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command
            .current_dir(self.project())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"));
        // The shop is on its main branch, also where a CI system builds a pull request of Tidegate's.
        for (name, _) in std::env::vars_os() {
            if OF_CI
                .iter()
                .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// The run's arguments that point the deployment to this machine.
    pub(crate) fn settings(&self) -> Vec<String> {
        let settings = [
            format!("staging={}", self.sshd.label()),
            "staging_known_hosts=deploy/known_hosts.demo".to_owned(),
            format!("staging_path={}", self.deployed().display()),
            format!("staging_bind=127.0.0.1:{}", self.site_port),
        ];
        settings
            .into_iter()
            .flat_map(|setting| ["--set".to_owned(), setting])
            .collect()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.site_port)
    }

    /// What the deployed site answers: the status line and the body.
    pub(crate) fn ask(&self, path: &str) -> anyhow::Result<(String, String)> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.site_port)).context("the site does not listen")?;
        connection.set_read_timeout(Some(PAGE_TIMEOUT))?;
        write!(connection, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = Vec::new();
        connection
            .read_to_end(&mut answer)
            .context("the site does not answer")?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            bail!("the site answered nonsense: {answer}")
        };
        Ok((
            head.lines().next().unwrap_or_default().to_owned(),
            body.trim().to_owned(),
        ))
    }

    fn deployed(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    /// What git would take: no leftovers of runs in the clone itself.
    fn copy_project(&self) -> anyhow::Result<()> {
        let example = root().join("examples/shop");
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&example)
            .output()?;
        let names = String::from_utf8(listing.stdout)?;
        let mut copied = 0;
        for name in names.split_terminator('\0') {
            let (from, to) = (example.join(name), self.project().join(name));
            // Deleted, and not committed yet.
            if !from.exists() {
                continue;
            }
            fs::create_dir_all(to.parent().unwrap_or(&to))?;
            fs::copy(&from, &to).with_context(|| format!("can't copy {name}"))?;
            copied += 1;
        }
        if copied == 0 {
            bail!("git lists no files there; is this a clone?");
        }
        fs::write(self.project().join("deploy/known_hosts.demo"), self.sshd.known_hosts()?)?;
        Ok(())
    }

    fn configure(&self) -> anyhow::Result<()> {
        let folder = self.folder.path().join("config/tidegate");
        fs::create_dir_all(&folder)?;
        let key = self.sshd.user_key();
        let text = format!("[secrets.deploy-key]\nfile = {:?}\n", key.display().to_string());
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.join("config.toml"))?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The site's server is a daemon of its own, as on a real host.
    fn stop_site(&self) {
        let release = self.deployed().join("current");
        if release.join("deploy/server.py").exists() {
            let bind = format!("127.0.0.1:{}", self.site_port);
            let stopped = Command::new("python3")
                .args(["deploy/server.py", "stop", "--bind", &bind])
                .current_dir(&release)
                .output();
            if !stopped.as_ref().is_ok_and(|output| output.status.success()) {
                eprintln!("the site could not be stopped: {stopped:?}");
            }
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop_site();
    }
}
