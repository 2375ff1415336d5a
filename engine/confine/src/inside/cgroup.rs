//! Control groups, where somebody has given this user some: the kernel then counts memory and processes itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use rustix::fs::{AtFlags, unlinkat};

use super::disk::folder;
use super::sweep;
use crate::limit::Limit;
use crate::limits;

/// A Cell's group is named so, with its helper's process id behind it.
const GROUP: &str = "tidegate-cell-";

/// Where the engine's own process goes in version 2, in which a group has either processes or groups below it.
const ENGINE: &str = "tidegate-engine";

/// The groups of this process, as folders. None where a controller is not mounted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Own {
    unified: Option<PathBuf>,
    memory: Option<PathBuf>,
    processes: Option<PathBuf>,
}

impl Own {
    pub(super) fn find() -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        Self::parse(&read("cgroup"), &read("mountinfo"))
    }

    fn parse(cgroup: &str, mountinfo: &str) -> Self {
        let of = |controller: &str| {
            let path = cgroup.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                controllers.split(',').any(|one| one == controller).then_some(path)
            })?;
            mountinfo.lines().find_map(|line| mounted_at(line, controller, path))
        };
        Self {
            unified: of(""),
            memory: of("memory"),
            processes: of("pids"),
        }
    }

    /// In bytes; what the groups around this process allow to it. None without a limit.
    pub(super) fn memory_limit(&self) -> Option<u64> {
        let unified = self.unified.iter().flat_map(|folder| folder.ancestors());
        let unified =
            unified.filter_map(|folder| fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse().ok());
        let version_1 = self.memory.iter().filter_map(|folder| {
            let stat = fs::read_to_string(folder.join("memory.stat")).ok()?;
            value(&stat, "hierarchical_memory_limit")
        });
        unified.chain(version_1).min()
    }
}

/// The folder of group `path` where this line of mountinfo mounts the controller's hierarchy (`""`: version 2).
fn mounted_at(line: &str, controller: &str, path: &str) -> Option<PathBuf> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut file_system = file_system.split(' ');
    let kind = file_system.next()?;
    let is_it = match controller {
        "" => kind == "cgroup2",
        _ => kind == "cgroup" && file_system.nth(1)?.split(',').any(|option| option == controller),
    };
    let mut mount = mount.split(' ').skip(3);
    let (root, point) = (mount.next()?, mount.next()?);
    let below = Path::new(path).strip_prefix(root).ok()?;
    is_it.then(|| Path::new(point).join(below))
}

/// A Cell's own group. Its programs enter it; dropping it removes it, when they have ended.
#[derive(Debug)]
pub(super) struct Group {
    parts: Vec<Part>,
    /// In bytes, where it limits memory.
    memory: Option<u64>,
    processes: bool,
}

/// One hierarchy's.
#[derive(Debug)]
struct Part {
    parent: OwnedFd,
    name: String,
    processes: File,
    /// Tells how often the kernel ended a process for want of memory.
    events: Option<File>,
}

impl Group {
    /// None where nothing is delegated to this user, or a step of it is denied: then everything is as it was.
    pub(super) fn make(own: &Own, engine: i32, memory: u64, processes: u64) -> Option<Self> {
        let name = format!("{GROUP}{}", std::process::id());
        // What is beyond memory must not go to the disk instead; of several processes none is left without the others.
        let memory_2 = [
            ("memory.max", memory, true),
            ("memory.swap.max", 0, false),
            ("memory.oom.group", 1, false),
            ("pids.max", processes, true),
        ];
        if let Some(part) = own.unified.as_deref().and_then(|folder| {
            let base = base_of(folder, engine)?;
            Part::make(base, &name, &memory_2, Some("memory.events"))
        }) {
            return Some(Self {
                parts: vec![part],
                memory: Some(memory),
                processes: true,
            });
        }
        let version_1 = |folder: &Option<PathBuf>, limits: &[(&str, u64, bool)], events| {
            let folder = folder.as_deref().filter(|folder| is_delegated(folder))?;
            Part::make(folder, &name, limits, events)
        };
        let memory_1 = [
            ("memory.limit_in_bytes", memory, true),
            ("memory.memsw.limit_in_bytes", memory, false),
        ];
        let memory_part = version_1(&own.memory, &memory_1, Some("memory.oom_control"));
        let processes_part = version_1(&own.processes, &[("pids.max", processes, true)], None);
        let group = Self {
            memory: memory_part.as_ref().map(|_| memory),
            processes: processes_part.is_some(),
            parts: memory_part.into_iter().chain(processes_part).collect(),
        };
        (!group.parts.is_empty()).then_some(group)
    }

    pub(super) fn limits_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub(super) fn limits_processes(&self) -> bool {
        self.processes
    }

    /// Takes this process in, with all that it starts.
    pub(super) fn enter(&self) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| (&part.processes).write_all(b"0"))
    }

    /// The file that tells of processes which the kernel ended for want of memory.
    pub(super) fn events(&self) -> Option<&File> {
        self.parts.iter().find_map(|part| part.events.as_ref())
    }

    /// From now on.
    pub(super) fn shortage(&self) -> Option<Shortage<'_>> {
        let events = self.events()?;
        Some(Shortage {
            events,
            before: killed(events),
            limit: Limit::Memory(self.memory?),
        })
    }
}

/// How an end for want of memory is told from one by somebody's SIGKILL.
pub(super) struct Shortage<'a> {
    events: &'a File,
    before: u64,
    limit: Limit,
}

impl Shortage<'_> {
    /// The limit, if the kernel has ended a process because of it.
    pub(super) fn has_killed(&self) -> Option<Limit> {
        (killed(self.events) > self.before).then_some(self.limit)
    }
}

/// How often the kernel ended a process of the group for want of memory.
pub(super) fn killed(events: &File) -> u64 {
    let mut text = [0; 1_024];
    let length = events.read_at(&mut text, 0).unwrap_or(0);
    value(&String::from_utf8_lossy(&text[..length]), "oom_kill").unwrap_or(0)
}

impl Part {
    /// With these files: name, content, and whether it is nothing without it.
    fn make(base: &Path, name: &str, limits: &[(&str, u64, bool)], events: Option<&str>) -> Option<Self> {
        remove_leftovers(base);
        let path = base.join(name);
        fs::create_dir(&path).ok()?;
        let part = Self::fill(base, &path, name, limits, events);
        if part.is_none() {
            let _ = fs::remove_dir(&path);
        }
        part
    }

    fn fill(base: &Path, path: &Path, name: &str, limits: &[(&str, u64, bool)], events: Option<&str>) -> Option<Self> {
        for (file, content, needed) in limits {
            let written = fs::write(path.join(file), content.to_string());
            if *needed {
                written.ok()?;
            }
        }
        Some(Self {
            parent: folder(base).ok()?,
            name: name.to_owned(),
            processes: OpenOptions::new().write(true).open(path.join("cgroup.procs")).ok()?,
            events: match events {
                Some(events) => Some(File::open(path.join(events)).ok()?),
                None => None,
            },
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A later Cell of this user removes what is left.
        let _ = unlinkat(self.parent.as_fd(), self.name.as_str(), AtFlags::REMOVEDIR);
    }
}

/// Groups whose helper was killed. One that still has processes refuses to go.
fn remove_leftovers(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let helper = name.to_str().and_then(|name| name.strip_prefix(GROUP));
        if helper.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The group of version 2 below which a Cell's can be made.
fn base_of(own: &Path, engine: i32) -> Option<&Path> {
    let base = if own.ends_with(ENGINE) { own.parent()? } else { own };
    if !is_delegated(base) {
        return None;
    }
    let has = |file: &str| {
        let list = fs::read_to_string(base.join(file)).unwrap_or_default();
        ["memory", "pids"]
            .iter()
            .all(|one| list.split_ascii_whitespace().any(|word| word == *one))
    };
    if has("cgroup.subtree_control") {
        return Some(base);
    }
    (has("cgroup.controllers") && make_room(base, engine).is_some()).then_some(base)
}

/// Moves the engine out of a group that it has for itself, and hands the controllers on to the groups below.
fn make_room(base: &Path, engine: i32) -> Option<()> {
    // Helpers start others meanwhile, which the kernel then finds in the wrong place.
    (0..limits::MOVES).find_map(|_| {
        move_all(base, engine)?;
        fs::write(base.join("cgroup.subtree_control"), "+memory +pids").ok()
    })
}

fn move_all(base: &Path, engine: i32) -> Option<()> {
    let processes = fs::read_to_string(base.join("cgroup.procs")).ok()?;
    let processes: Option<Vec<i32>> = processes.lines().map(|line| line.parse().ok()).collect();
    // One that has ended meanwhile belongs nowhere. Somebody else's stays where somebody has put it; those of other pid namespaces
    // show as 0.
    let mut processes = processes?;
    processes.retain(|pid| *pid == 0 || kill(Pid::from_raw(*pid), None) != Err(Errno::ESRCH));
    if !processes.iter().all(|pid| belongs_to(*pid, engine)) {
        return None;
    }
    let leaf = base.join(ENGINE);
    // Another Cell of this engine may just do the same.
    let _ = fs::create_dir(&leaf);
    for pid in processes {
        match fs::write(leaf.join("cgroup.procs"), pid.to_string()) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            moved => moved.ok()?,
        }
    }
    Some(())
}

/// The engine, its helpers, and what they have started.
fn belongs_to(pid: i32, engine: i32) -> bool {
    std::iter::successors(Some(pid), |pid| sweep::parent(*pid)).any(|above| above == engine)
}

/// Given to this user: by ownership or, for root as well, by systemd's mark (`Delegate=yes`). Root owns every group, which says
/// nothing.
fn is_delegated(folder: &Path) -> bool {
    let is_marked = ["user.delegate", "trusted.delegate"].iter().any(|mark| {
        let mut value = [0; 1];
        matches!(rustix::fs::getxattr(folder, *mark, &mut value), Ok(1)) && value == *b"1"
    });
    let user = rustix::process::geteuid();
    is_marked || (!user.is_root() && fs::metadata(folder).is_ok_and(|folder| folder.uid() == user.as_raw()))
}

fn value(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_groups_are_found_in_each_layout() {
        let unified = Own::parse(
            "0::/user.slice/user-1000.slice/run-1.scope\n",
            "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        assert_eq!(
            unified,
            Own {
                unified: Some("/sys/fs/cgroup/user.slice/user-1000.slice/run-1.scope".into()),
                memory: None,
                processes: None,
            }
        );
        // As in a container without a cgroup namespace: only the container's own part is mounted.
        let version_1 = Own::parse(
            "8:pids:/docker/1\n5:memory,extra:/docker/1/x\n0::/docker/1\n",
            "1 2 0:1 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory,extra\n\
             1 2 0:1 /docker/1 /sys/fs/cgroup/pids ro master:3 - cgroup cgroup rw,pids\n",
        );
        assert_eq!(
            version_1,
            Own {
                unified: None,
                memory: Some("/sys/fs/cgroup/memory/x".into()),
                processes: Some("/sys/fs/cgroup/pids/".into()),
            }
        );
    }

    #[test]
    fn the_narrowest_limit_around_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("outer/inner");
        fs::create_dir_all(&inner).unwrap();
        let own = Own {
            unified: Some(inner.clone()),
            memory: None,
            processes: None,
        };
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(own.memory_limit(), None);
        fs::write(folder.path().join("outer/memory.max"), "1000\n").unwrap();
        assert_eq!(own.memory_limit(), Some(1_000));
        fs::write(inner.join("memory.stat"), "cache 5\nhierarchical_memory_limit 900\n").unwrap();
        let own = Own {
            memory: Some(inner),
            ..own
        };
        assert_eq!(own.memory_limit(), Some(900));
    }

    /// A folder of files instead of a control group; the kernel's part, that files appear in a new group, is done here.
    fn pretend(subtree_control: &str) -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        fs::write(base.path().join("cgroup.subtree_control"), subtree_control).unwrap();
        fs::write(base.path().join("cgroup.procs"), format!("{}\n", std::process::id())).unwrap();
        base
    }

    #[test]
    fn three_files_are_written_and_the_rest_read() {
        let base = pretend("memory pids\n");
        let path = base.path().join("tidegate-cell-7");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("cgroup.procs"), "").unwrap();
        fs::write(
            path.join("memory.events"),
            "low 0\noom 3\noom_kill 2\noom_group_kill 1\n",
        )
        .unwrap();
        let limits = [("memory.max", 1_000, true), ("pids.max", 20, true)];
        let part = Part::fill(base.path(), &path, "tidegate-cell-7", &limits, Some("memory.events")).unwrap();
        let group = Group {
            parts: vec![part],
            memory: Some(1_000),
            processes: true,
        };
        assert_eq!(fs::read_to_string(path.join("memory.max")).unwrap(), "1000");
        assert_eq!(fs::read_to_string(path.join("pids.max")).unwrap(), "20");
        group.enter().unwrap();
        assert_eq!(fs::read_to_string(path.join("cgroup.procs")).unwrap(), "0");
        assert_eq!(killed(group.events().unwrap()), 2);
        let shortage = group.shortage().unwrap();
        assert_eq!(shortage.has_killed(), None);
        fs::write(path.join("memory.events"), "oom_kill 3\n").unwrap();
        assert_eq!(shortage.has_killed(), Some(Limit::Memory(1_000)));
        for file in fs::read_dir(&path).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        drop(group);
        assert!(!path.exists());
    }

    #[test]
    fn a_group_without_its_files_is_given_up_and_removed() {
        let base = pretend("memory pids\n");
        let limits = [("missing/memory.max", 1, true)];
        assert!(Part::make(base.path(), "tidegate-cell-8", &limits, None).is_none());
        assert!(!base.path().join("tidegate-cell-8").exists());
    }

    #[test]
    fn groups_of_helpers_that_are_gone_are_removed() {
        let base = pretend("");
        let own = format!("{GROUP}{}", std::process::id());
        for name in ["tidegate-cell-999999999", own.as_str(), "other-999999999"] {
            fs::create_dir(base.path().join(name)).unwrap();
        }
        remove_leftovers(base.path());
        let left = |name: &str| base.path().join(name).exists();
        assert_eq!(
            (left("tidegate-cell-999999999"), left(&own), left("other-999999999")),
            (false, true, true)
        );
    }

    #[test]
    fn the_engine_makes_room_for_itself_and_moves_nobody_else() {
        let base = pretend("");
        let engine = std::process::id().cast_signed();
        // As a helper, and a process that makes namespaces for it.
        let mut helper = std::process::Command::new("/bin/sh")
            .args(["-c", "sleep 100 & echo $!; read end; kill $!"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut below = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(helper.stdout.take().unwrap()), &mut below).unwrap();
        let all = format!("{engine}\n{}\n{below}", helper.id());
        fs::write(base.path().join("cgroup.procs"), all).unwrap();
        fs::create_dir(base.path().join(ENGINE)).unwrap();
        let moved = make_room(base.path(), engine);
        let read = |file: &str| fs::read_to_string(base.path().join(file)).unwrap();
        // Each is written on its own; the last one is what a plain file keeps.
        let moved = (
            moved,
            read("tidegate-engine/cgroup.procs"),
            read("cgroup.subtree_control"),
        );
        drop(helper.stdin.take());
        helper.wait().unwrap();
        assert_eq!(moved, (Some(()), below.trim().to_owned(), "+memory +pids".to_owned()));

        for other in [0, 1] {
            let shared = pretend("");
            fs::write(shared.path().join("cgroup.procs"), format!("{engine}\n{other}\n")).unwrap();
            assert_eq!(make_room(shared.path(), engine), None);
            assert!(!shared.path().join(ENGINE).exists());
        }
    }

    #[test]
    fn root_needs_the_mark_and_another_user_ownership() {
        let base = pretend("memory pids\n");
        let is_root = rustix::process::geteuid().is_root();
        assert_eq!(is_delegated(base.path()), !is_root);
        assert!(!is_delegated(Path::new("/proc")));
        rustix::fs::setxattr(base.path(), "user.delegate", b"1", rustix::fs::XattrFlags::empty()).unwrap();
        assert!(is_delegated(base.path()));
        assert_eq!(base_of(base.path(), 1), Some(base.path()));
        assert_eq!(base_of(&base.path().join(ENGINE), 1), Some(base.path()));
    }
}
