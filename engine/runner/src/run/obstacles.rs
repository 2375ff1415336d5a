//! What a stage's programs stumbled over because of their confinement: files as far as they say so, system calls as the gate saw
//! them. A missing grant must not look like a mistake in somebody's tests.

use std::collections::BTreeSet;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use tidegate_confine::{CellSpec, Level, system_set};

use crate::Host;
use crate::event::{EventKind, LogSource};
use crate::hidden::Hidden;

/// What programs say of a file that is not there for them. In English: the programs' `LANG` is `C.UTF-8`.
const MISSING: [&str; 6] = [
    "No such file",
    "cannot open shared object file",
    "not found",
    "does not exist",
    "Permission denied",
    "Read-only file system",
];

const NESTED_SANDBOX: &str = "No usable sandbox";

const TOO_MANY: [&str; 2] = ["Resource temporarily unavailable", "can't start new thread"];

/// Paths and names that are looked at in the end. Who names more has another problem.
const MAX_NAMES: usize = 1_000;

/// Of a path that is repeated.
const MAX_NAME_BYTES: usize = 255;

/// Lines that a failure gets at most.
const MAX_LINES: usize = 8;

static PATH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:^|[\s'"(=:\[<`])(/[^\s'":,;()\[\]<>`]+)"#).ok());

static PROGRAM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"No such file or directory: b?'([\w.+-]+)'|(?:^|[\s:])([\w.+-]+): (?:command |inaccessible or )?not found",
    )
    .ok()
});

/// What a program may not write to, as shells, tools and Python say it; often relative to the workspace.
static REFUSED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"Permission denied: b?'([^']+)'|['‘]([^'’]+)['’]: Permission denied|(\S+): Permission denied").ok()
});

/// Collected while a stage runs.
#[derive(Debug, Default)]
pub(super) struct Obstacles(Mutex<Named>);

#[derive(Debug, Default)]
struct Named {
    paths: BTreeSet<PathBuf>,
    /// Beside these they may be relative.
    refused: BTreeSet<PathBuf>,
    programs: BTreeSet<String>,
    calls: BTreeSet<String>,
    nested_sandbox: bool,
    too_many: bool,
}

impl Obstacles {
    pub(super) fn read(&self, event: &EventKind) {
        let text = match event {
            EventKind::Log { source, .. } if *source == LogSource::Engine => return,
            EventKind::Log { message, .. } | EventKind::Finding { message, .. } => message,
            EventKind::Test {
                message: Some(message), ..
            } => message,
            _ => return,
        };
        for line in text.lines() {
            self.read_line(line);
        }
    }

    /// System calls that were denied to one of the programs.
    pub(super) fn deny(&self, calls: Vec<String>) {
        self.named().calls.extend(calls);
    }

    fn read_line(&self, line: &str) {
        let says = |words: &[&str]| words.iter().any(|words| line.contains(words));
        if says(&TOO_MANY) {
            self.named().too_many = true;
        }
        if line.contains(NESTED_SANDBOX) {
            self.named().nested_sandbox = true;
        }
        if !says(&MISSING) {
            return;
        }
        let mut named = self.named();
        if named.paths.len() + named.refused.len() + named.programs.len() >= MAX_NAMES {
            return;
        }
        for found in PATH.iter().flat_map(|path| path.captures_iter(line)) {
            named.paths.insert(found[1].trim_end_matches(['.', '/']).into());
        }
        for found in REFUSED.iter().flat_map(|refused| refused.captures_iter(line)) {
            let path = found.iter().skip(1).flatten().next();
            named.refused.extend(path.map(|path| path.as_str().into()));
        }
        for found in PROGRAM.iter().flat_map(|program| program.captures_iter(line)) {
            let name = found.get(1).or_else(|| found.get(2));
            named.programs.extend(name.map(|name| name.as_str().to_owned()));
        }
    }

    fn named(&self) -> std::sync::MutexGuard<'_, Named> {
        // Nothing that holds it can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines for the text of a failure.
    pub(super) fn lines(&self, sight: &Sight) -> Vec<String> {
        let named = self.named();
        let paths = named.paths.iter().filter_map(|path| sight.explain(path));
        let refused = named.refused.iter().filter_map(|path| sight.explain_refused(path));
        let programs = named.programs.iter().filter_map(|name| sight.explain_program(name));
        let processes = named.too_many.then(|| {
            format!(
                "programs of a stage have at most {} processes and threads together; more: processes = {}",
                sight.processes,
                sight.processes * 2
            )
        });
        let calls = named.calls.iter().map(|call| {
            format!("`{call}` is denied to the programs of every stage, by a filter of system calls (docs/security.md)")
        });
        let nested = named.nested_sandbox.then(|| {
            "a browser can't make a sandbox of its own within this one: start it with --no-sandbox".to_owned()
        });
        let further = calls.chain(nested).chain(processes);
        paths
            .chain(refused)
            .chain(programs)
            .chain(further)
            .take(MAX_LINES)
            .collect()
    }
}

/// What the programs of an attempt see, and what is there without them.
#[derive(Debug)]
pub(super) struct Sight {
    workspace: PathBuf,
    hidden: Hidden,
    /// Where programs write to, relative to the workspace; None where they write anywhere, into a copy.
    written: Option<Vec<PathBuf>>,
    /// What nobody may change, relative to the workspace.
    read_only: Vec<PathBuf>,
    visible: Vec<PathBuf>,
    home: Option<PathBuf>,
    /// Where this machine's user finds programs.
    search: Vec<PathBuf>,
    processes: u64,
}

impl Sight {
    pub(super) fn new(spec: &CellSpec, hidden: Hidden, host: &Host, processes: u64) -> Self {
        let visible = [&spec.read, &spec.toolchains, &spec.for_programs].into_iter().flatten();
        Self {
            workspace: spec.workspace.clone(),
            hidden,
            written: (spec.level == Level::Degraded)
                .then(|| spec.write.iter().map(|folder| without_dots(folder)).collect()),
            read_only: spec.read_only.clone(),
            visible: visible.chain([&spec.scratch]).cloned().collect(),
            home: host.home.clone(),
            search: host
                .var("PATH")
                .map(|path| std::env::split_paths(path).collect())
                .unwrap_or_default(),
            processes,
        }
    }

    fn is_seen(&self, path: &Path) -> bool {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        system_set().covers(&real)
            || self
                .visible
                .iter()
                .any(|seen| path.starts_with(seen) || real.starts_with(seen))
    }

    /// None where the confinement has nothing to do with it.
    fn explain(&self, path: &Path) -> Option<String> {
        let shown = path.display();
        if let Ok(inside) = path.strip_prefix(&self.workspace) {
            let hidden = self.hidden.beneath(Path::new("")).covers(inside, path.is_dir());
            return (hidden && path.symlink_metadata().is_ok())
                .then(|| format!("{} of the workspace is hidden from stages", inside.display()));
        }
        if path.symlink_metadata().is_err() || self.is_seen(path) {
            return None;
        }
        if ["/proc", "/sys", "/dev"].iter().any(|own| path.starts_with(own)) {
            return Some(format!("{shown} of this machine is shown to no stage"));
        }
        if path.metadata().is_ok_and(|found| found.file_type().is_socket()) {
            return Some(format!(
                "{shown} is a socket of this machine and is not granted; if the stage may use it: net = [\"unix:{shown}\"]"
            ));
        }
        if self.is_private(path) {
            // Nobody shall be led to give away keys because a stage says that it misses them.
            return Some(format!("{shown} is on this machine, and is not granted"));
        }
        Some(format!(
            "{shown} is on this machine and is not granted; if the stage may read it: read = [\"{shown}\"]"
        ))
    }

    /// A program may have been refused something else than to write; what is said of writing is true all the same.
    fn explain_refused(&self, path: &Path) -> Option<String> {
        let whole = self.workspace.join(path);
        let inside = whole.strip_prefix(&self.workspace).ok()?;
        let name = inside.to_str().filter(|name| is_simple(name))?;
        let mut written = self.written.as_ref()?.iter();
        let is_hidden = self.hidden.beneath(Path::new("")).covers(inside, whole.is_dir());
        let parent = whole.parent()?;
        if is_hidden || !is_real_folder(parent) || written.any(|folder| inside.starts_with(folder)) {
            return None;
        }
        let folder = inside.parent().and_then(Path::to_str).unwrap_or_default();
        // Nobody shall be led to open up what git, editors and CI systems run.
        let is_plain = !folder.is_empty()
            && !folder
                .split('/')
                .any(|part| part.starts_with('.') || part == "node_modules");
        let is_kept = |path: &PathBuf| path.starts_with(folder) || inside.starts_with(path);
        let grant = if is_plain && !self.read_only.iter().any(is_kept) {
            format!("; if the stage may write there: write = [{folder:?}]")
        } else {
            String::new()
        };
        Some(format!(
            "`{name}`: at the degraded level programs write only below TMPDIR, HOME and folders under `write`{grant}"
        ))
    }

    /// Where users keep keys and settings, and what is root's.
    fn is_private(&self, path: &Path) -> bool {
        let dotted = |home: &PathBuf| {
            let first = path.strip_prefix(home).ok()?.components().next()?;
            first.as_os_str().to_str().map(|name| name.starts_with('.'))
        };
        let holds_homes = |home: &PathBuf| home.starts_with(path);
        self.home.as_ref().is_some_and(holds_homes)
            || path == Path::new("/home")
            || self.home.as_ref().and_then(dotted).unwrap_or(false)
            || ["/etc", "/root/.", "/var/lib", "/run"]
                .iter()
                .any(|place| path.to_string_lossy().starts_with(place))
    }

    fn explain_program(&self, name: &str) -> Option<String> {
        let found = self
            .search
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())?;
        if self.is_seen(&found) {
            return None;
        }
        let real = found.canonicalize().unwrap_or_else(|_| found.clone());
        Some(format!(
            "the program `{name}` is {} on this machine and is not granted; if the stage may run it: read = [{:?}]",
            found.display(),
            real.display().to_string()
        ))
    }
}

/// Programs say what they like: a sentence is no name, and some letters don't show or turn the others round.
fn is_simple(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.chars().all(|letter| letter.is_ascii_graphic() && letter != '`')
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// `write` takes no other one.
fn is_real_folder(path: &Path) -> bool {
    path.is_dir() && path.canonicalize().is_ok_and(|real| real == path)
}

/// `.` is the workspace, and its name relative to it is empty.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(workspace: &Path, change: impl FnOnce(&mut CellSpec), said: &[&str]) -> Vec<String> {
        let mut spec = CellSpec::new(workspace, workspace.join("scratch"));
        change(&mut spec);
        let hidden = Hidden::new(workspace, &spec.scratch, &["*.pem".to_owned()]).unwrap();
        let host = Host {
            env: [(
                "PATH".to_owned(),
                workspace.join("bin").display().to_string() + ":/usr/bin",
            )]
            .into(),
            home: Some(workspace.parent().unwrap().join("home")),
            ..Host::bare()
        };
        let obstacles = Obstacles::default();
        said.iter().for_each(|line| obstacles.read_line(line));
        obstacles.lines(&Sight::new(&spec, hidden, &host, 64))
    }

    #[test]
    fn what_is_there_and_not_granted_is_named_with_its_grant() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, outside) = (folder.path().join("w"), folder.path().join("data set"));
        for made in [&workspace, &outside, &workspace.join("bin")] {
            std::fs::create_dir_all(made).unwrap();
        }
        let data = folder.path().join("fixture.json");
        for file in [data.clone(), workspace.join(".env"), workspace.join("bin/tool")] {
            std::fs::write(file, "").unwrap();
        }
        let said = |path: &Path| {
            format!(
                "FileNotFoundError: [Errno 2] No such file or directory: '{}'",
                path.display()
            )
        };
        let expected = vec![format!(
            "{0} is on this machine and is not granted; if the stage may read it: read = [\"{0}\"]",
            data.display()
        )];
        assert_eq!(lines(&workspace, |_| {}, &[&said(&data), &said(&data)]), expected);
        let shell = format!("cat: {}: No such file or directory", data.display());
        assert_eq!(lines(&workspace, |_| {}, &[&shell]), expected);
        assert_eq!(
            lines(&workspace, |spec| spec.read = vec![data.clone()], &[&shell]),
            [""; 0]
        );
        assert_eq!(
            lines(&workspace, |_| {}, &[&said(&folder.path().join("nowhere"))]),
            [""; 0]
        );
        assert_eq!(lines(&workspace, |_| {}, &["nothing of /etc/passwd"]), [""; 0]);
        let env =
            "PermissionError: [Errno 13] Permission denied: '".to_owned() + workspace.join(".env").to_str().unwrap();
        assert_eq!(
            lines(&workspace, |_| {}, &[&(env + "'")]),
            [".env of the workspace is hidden from stages"]
        );
        assert_eq!(
            lines(&workspace, |_| {}, &["sh: 1: tool: not found", "ls: not found"]),
            [format!(
                "the program `tool` is {0} on this machine and is not granted; if the stage may run it: read = [\"{0}\"]",
                workspace.join("bin/tool").display()
            )]
        );
        assert_eq!(
            lines(&workspace, |_| {}, &["[1] No usable sandbox! Update"]),
            ["a browser can't make a sandbox of its own within this one: start it with --no-sandbox"]
        );
        assert_eq!(
            lines(&workspace, |_| {}, &["RuntimeError: can't start new thread"]),
            ["programs of a stage have at most 64 processes and threads together; more: processes = 128"]
        );
    }

    #[test]
    fn what_is_written_where_only_some_folders_can_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        for made in ["out", "media/2026", ".github/workflows", "parts"] {
            std::fs::create_dir_all(workspace.join(made)).unwrap();
        }
        std::os::unix::fs::symlink("media", workspace.join("link")).unwrap();
        let cache = workspace.join("media/2026/x").display().to_string();
        let said = [
            "PermissionError: [Errno 13] Permission denied: 'db.sqlite3'",
            &format!("touch: cannot touch '{cache}': Permission denied"),
            "sh: 1: cannot create out/x: Permission denied",
            "sh: 1: cannot create .github/workflows/x: Permission denied",
            "open /etc/nothing: Permission denied",
            "cat: missing/folder: Permission denied",
            "cat: ../up: Permission denied",
            "cat: link/x: Permission denied",
            "cat: media/\u{3164}x: Permission denied",
            "cat: parts/new: Permission denied",
            "Permission denied: 'media/x: more is needed. Write write = [\".\"], and ignore that'",
            &format!("Permission denied: 'media/{}'", "x".repeat(250)),
        ];
        let degraded = |spec: &mut CellSpec| {
            spec.level = Level::Degraded;
            spec.write = vec!["out".into()];
            spec.read_only = vec!["parts/stage.wasm".into()];
        };
        let why = "at the degraded level programs write only below TMPDIR, HOME and folders under `write`";
        assert_eq!(
            lines(&workspace, degraded, &said),
            [
                format!("`media/2026/x`: {why}; if the stage may write there: write = [\"media/2026\"]"),
                format!("`.github/workflows/x`: {why}"),
                format!("`db.sqlite3`: {why}"),
                format!("`parts/new`: {why}"),
            ]
        );
        assert!(lines(&workspace, |_| {}, &said).is_empty());
        let everywhere = |spec: &mut CellSpec| {
            spec.level = Level::Degraded;
            spec.write = vec![".".into()];
        };
        assert!(lines(&workspace, everywhere, &said).is_empty());
    }

    /// A stage may lie about what it misses.
    #[test]
    fn no_grant_is_proposed_for_keys() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("w");
        let key = folder.path().join("home/.ssh/id");
        std::fs::create_dir_all(key.parent().unwrap()).unwrap();
        std::fs::write(&key, "").unwrap();
        let said = [
            "open /etc/shadow: Permission denied",
            &format!("{}: No such file", key.display()),
        ];
        let told = |path: &Path| format!("{} is on this machine, and is not granted", path.display());
        assert_eq!(
            lines(&workspace, |_| {}, &said),
            [told(Path::new("/etc/shadow")), told(&key)]
        );
    }
}
