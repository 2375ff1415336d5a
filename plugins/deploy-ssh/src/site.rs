//! One host's deployment folder, and the scripts that look at it and change it.

use std::time::Duration;

use crate::error::DeployError;
use crate::inventory::Inventory;
use crate::quoting::shell_word;
use crate::remote::{Finished, Remote};

/// For scripts that only look at or rename things: more means that the host or its disk hangs.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(60);
/// For scripts that copy or remove a release: slow disks and hundreds of thousands of files.
const TREE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Lines of a failed command that go into the error; the whole output is in the log.
const ERROR_LINES: usize = 12;

/// A POSIX shell script and the step that it is, as errors name it. Values reach it as arguments only, never as text.
struct Script {
    step: &'static str,
    text: &'static str,
    timeout: Duration,
}

macro_rules! script {
    ($step:literal, $file:literal, $timeout:expr) => {
        Script {
            step: $step,
            text: include_str!(concat!("scripts/", $file)),
            timeout: $timeout,
        }
    };
}

const CHECK: Script = script!("checking tools and folders", "check.sh", SCRIPT_TIMEOUT);
const INSPECT: Script = script!("looking at the releases", "inspect.sh", SCRIPT_TIMEOUT);
const LOCK: Script = script!("locking", "lock.sh", SCRIPT_TIMEOUT);
const RESERVE: Script = script!("making the release's folder", "reserve.sh", SCRIPT_TIMEOUT);
const UPLOAD_FOLDER: Script = script!("preparing the upload", "upload-folder.sh", TREE_TIMEOUT);
const FILL: Script = script!("copying the upload into the release", "fill.sh", TREE_TIMEOUT);
const LINK: Script = script!("linking shared paths", "link.sh", SCRIPT_TIMEOUT);
const MARK: Script = script!("recording the release", "mark.sh", SCRIPT_TIMEOUT);
const SWAP: Script = script!("swapping `current`", "swap.sh", SCRIPT_TIMEOUT);
const UNLINK: Script = script!("removing `current`", "unlink.sh", SCRIPT_TIMEOUT);
const DROP: Script = script!("removing releases", "drop.sh", TREE_TIMEOUT);
const LOG: Script = script!("writing deploy.log", "log.sh", SCRIPT_TIMEOUT);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Complete, and never live yet.
    Ready,
    /// Was live and answered.
    Live,
    /// Was live and did not answer, or somebody went back from it.
    Bad,
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    pub problems: Vec<String>,
    pub notes: Vec<String>,
}

/// What the lock script answers: a word, and who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockAnswer {
    pub word: String,
    pub owner: String,
}

pub struct Site<'a> {
    remote: Box<dyn Remote + 'a>,
    root: String,
}

impl<'a> Site<'a> {
    /// `root` is absolute and has no slash at its end.
    pub fn new(remote: Box<dyn Remote + 'a>, root: &str) -> Self {
        Self {
            remote,
            root: root.to_owned(),
        }
    }

    pub fn host(&self) -> &str {
        self.remote.host()
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    pub fn check(&mut self, shared: &[String]) -> Result<Findings, DeployError> {
        let mut findings = Findings::default();
        for line in self.run(&CHECK, &words(shared))?.lines() {
            match line.split_once('\t') {
                Some(("problem", text)) => findings.problems.push(text.to_owned()),
                Some(("note", text)) => findings.notes.push(text.to_owned()),
                _ => {}
            }
        }
        Ok(findings)
    }

    pub fn inspect(&mut self) -> Result<Inventory, DeployError> {
        let facts = self.run(&INSPECT, &[])?;
        Inventory::parse(&facts)
            .map_err(|error| DeployError::Failed(format!("{}: {}: {error}", self.host(), INSPECT.step)))
    }

    /// One step of the lock's protocol; see the script.
    pub fn lock_step(
        &mut self,
        verb: &str,
        token: &str,
        expiry: Duration,
        what: &str,
        family: &str,
    ) -> Result<LockAnswer, DeployError> {
        let expiry = expiry.as_secs().to_string();
        // The verb stands before the root, so this call can't go through `run`.
        let answer = self.call(&LOCK, &[verb, &self.root.clone(), token, &expiry, what, family])?;
        let fields: Vec<&str> = answer.trim_end().split('\t').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or("");
        if field(0) == "unusable" {
            let (host, root) = (self.host(), &self.root);
            let text = format!("{host}: the folder {root} can't be made: {}", field(1));
            return Err(DeployError::Misconfigured(text));
        }
        let owner = describe_owner(field(1), field(2), field(3), field(4), field(5));
        Ok(LockAnswer {
            word: field(0).to_owned(),
            owner,
        })
    }

    pub fn reserve(&mut self, number: u64) -> Result<(), DeployError> {
        self.run(&RESERVE, &[&number.to_string()]).map(drop)
    }

    /// Sends what the host lacks; returns the bytes sent.
    pub fn upload(&mut self, local: &str, rules: &str, exclude: &[String]) -> Result<u64, DeployError> {
        let folder = self.run(&UPLOAD_FOLDER, &[rules])?;
        let sent = self.remote.upload(local, folder.trim_end_matches('\n'), exclude);
        sent.map_err(|cause| DeployError::at(self.remote.host(), "uploading", cause))
    }

    pub fn fill(&mut self, number: u64) -> Result<(), DeployError> {
        self.run(&FILL, &[&number.to_string()]).map(drop)
    }

    pub fn link(&mut self, number: u64, shared: &[String]) -> Result<(), DeployError> {
        let number = number.to_string();
        let mut arguments = vec![number.as_str()];
        arguments.extend(words(shared));
        self.run(&LINK, &arguments).map(drop)
    }

    pub fn mark(&mut self, number: u64, mark: Mark, text: &str) -> Result<(), DeployError> {
        let name = match mark {
            Mark::Ready => "ready",
            Mark::Live => "live",
            Mark::Bad => "bad",
        };
        self.run(&MARK, &[&number.to_string(), name, text]).map(drop)
    }

    /// Makes `number` the live release, in one rename.
    pub fn swap(&mut self, number: u64) -> Result<(), DeployError> {
        self.run(&SWAP, &[&number.to_string()]).map(drop)
    }

    /// Leaves nothing live, if `number` is.
    pub fn unlink(&mut self, number: u64) -> Result<(), DeployError> {
        self.run(&UNLINK, &[&number.to_string()]).map(drop)
    }

    /// Removes releases, never the live one; returns a line for each that could not be removed.
    pub fn drop_releases(&mut self, numbers: &[u64]) -> Result<Vec<String>, DeployError> {
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let left = self.run(&DROP, &words(&numbers))?;
        Ok(left.lines().map(|line| line.replacen('\t', ": ", 1)).collect())
    }

    pub fn log(&mut self, line: &str) -> Result<(), DeployError> {
        self.run(&LOG, &[line]).map(drop)
    }

    /// Runs a command line of the manifest in a release, in `sh -e`. An exit code other than 0 is an error.
    pub fn command(&mut self, step: &str, line: &str, number: u64, timeout: Duration) -> Result<(), DeployError> {
        let finished = self.command_exit(step, line, number, timeout)?;
        if finished.exit_code == 0 {
            return Ok(());
        }
        let text = format!("{}: {step}: `{line}` {}", self.host(), describe_exit(&finished));
        Err(DeployError::Failed(text))
    }

    /// The same, for commands whose exit code is an answer.
    pub fn command_exit(
        &mut self,
        step: &str,
        line: &str,
        number: u64,
        timeout: Duration,
    ) -> Result<Finished, DeployError> {
        let root = &self.root;
        let release = format!("{root}/releases/{number}");
        let words = [
            "env".to_owned(),
            format!("RELEASE={number}"),
            format!("RELEASE_PATH={release}"),
            format!("CURRENT_PATH={root}/current"),
            format!("SHARED_PATH={root}/shared"),
            "sh".to_owned(),
            "-e".to_owned(),
            "-c".to_owned(),
            // The line is an argument of its own, so that nothing around it can change its meaning.
            "cd \"$RELEASE_PATH\" && exec sh -e -c \"$1\"".to_owned(),
            "tidegate".to_owned(),
            line.to_owned(),
        ];
        let whole = words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
        self.remote
            .shell(&whole, timeout)
            .map_err(|cause| DeployError::at(self.remote.host(), step, cause))
    }

    fn run(&mut self, script: &Script, arguments: &[&str]) -> Result<String, DeployError> {
        let root = self.root.clone();
        let mut all = vec![root.as_str()];
        all.extend(arguments);
        self.call(script, &all)
    }

    fn call(&mut self, script: &Script, arguments: &[&str]) -> Result<String, DeployError> {
        let mut argv = vec!["sh", "-c", script.text, "tidegate"];
        argv.extend(arguments);
        let finished = self
            .remote
            .exec(&argv, script.timeout)
            .map_err(|cause| DeployError::at(self.remote.host(), script.step, cause))?;
        if finished.exit_code == 0 {
            return Ok(finished.stdout);
        }
        Err(DeployError::Failed(format!(
            "{}: {}: {}",
            self.host(),
            script.step,
            describe_exit(&finished)
        )))
    }
}

/// How a command ended, with the last lines that it printed.
pub fn describe_exit(finished: &Finished) -> String {
    let said = if finished.stderr.trim().is_empty() {
        &finished.stdout
    } else {
        &finished.stderr
    };
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let mut text = format!("ended with exit code {}", finished.exit_code);
    for line in &lines[lines.len().saturating_sub(ERROR_LINES)..] {
        text.push_str("\n    ");
        text.push_str(line);
    }
    text
}

fn describe_owner(token: &str, since: &str, until: &str, who: &str, what: &str) -> String {
    let time = |seconds: &str| {
        seconds
            .parse::<i64>()
            .ok()
            .map_or_else(|| "?".to_owned(), crate::instant::utc)
    };
    if token.is_empty() {
        return format!("{who}, since a moment ago");
    }
    format!("{who} ({what}) since {}, expires {}", time(since), time(until))
}

fn words(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
