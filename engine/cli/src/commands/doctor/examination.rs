//! Everything that `doctor` looks at. What can be tried is tried, not read off a version.

use tidegate_confine::{Ids, Level, Machine, Precision, Why, probe, try_level};
use tidegate_runner::Host;
use tidegate_sandbox::{Sandbox, SandboxError};

use super::finding::Finding;
use super::tool::Tool;
use crate::failure::Failure;

pub(super) struct Examination {
    pub(super) kernel: String,
    /// What the level rests on.
    pub(super) confinement: Vec<Finding>,
    /// What some stages or commands need.
    pub(super) surroundings: Vec<Finding>,
    is_full: bool,
    degraded: bool,
}

impl Examination {
    /// Starts a Cell and some programs; takes some ten milliseconds. An error: no folder for it can be made.
    pub(super) fn of(host: &Host) -> Result<Self, Failure> {
        let folder = || {
            tempfile::Builder::new()
                .prefix("tidegate-doctor-")
                .tempdir_in(&host.temp)
                .map_err(|error| {
                    Failure::usage(format!("no folder can be made in {}: {error}", host.temp.display()))
                        .hint("set TMPDIR to a folder that can be written")
                })
        };
        let (workspace, scratch) = (folder()?, folder()?);
        let machine = probe(&host.helpers, workspace.path(), scratch.path());
        Ok(Self {
            is_full: machine.full().is_ok(),
            degraded: try_level(&host.helpers, workspace.path(), scratch.path(), Level::Degraded).is_ok(),
            confinement: confinement(&machine).into_iter().chain(holds(&machine)).collect(),
            surroundings: vec![cache(host), git(host), python(host), uv(host), ssh()],
            kernel: machine.kernel,
        })
    }

    /// Whether the strictest level of this version is possible.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether the next one is.
    pub(super) fn can_degrade(&self) -> bool {
        self.degraded
    }
}

/// The three build on each other: what failed first is said once, the rest rests on it.
fn confinement(machine: &Machine) -> Vec<Finding> {
    let steps = [
        (
            "user namespaces",
            &machine.user_namespaces,
            "private ids, processes, network and host name",
        ),
        (
            "private files",
            &machine.file_system,
            "hidden paths, writes that are thrown away",
        ),
        ("programs", &machine.programs, "one was started and ended in a Cell"),
    ];
    let mut told: Option<&Why> = None;
    let mut findings = Vec::new();
    for (name, result, good) in steps {
        findings.push(match result {
            Ok(()) => Finding::ok(name, good),
            Err(why) if told == Some(why) => {
                let mut finding = Finding::missing(name, "not tried, for the same reason", "");
                finding.fix = None;
                finding
            }
            Err(why) => Finding::missing(name, why.what.clone(), why.fix.clone()),
        });
        told = told.or(result.as_ref().err());
    }
    findings
}

/// How well the full level holds here. Neither is needed for it.
fn holds(machine: &Machine) -> Vec<Finding> {
    let Some(holds) = &machine.holds else {
        return Vec::new();
    };
    let ids = match &holds.ids {
        Ids::Engine => Finding::ok("ids", "programs have your user's, and nothing that it may do elsewhere"),
        Ids::Own(_) => Finding::ok("ids", "programs have one that is nobody's, although you are root"),
        Ids::Root { why } => Finding::optional(
            "ids",
            format!("programs have root's, without capabilities: {why}"),
            "run tidegate as an ordinary user, or with the project and TMPDIR on a file system that maps ids (ext4, xfs, btrfs)",
        ),
    };
    let exact = |precision| precision == Precision::Exact;
    let limits = match (
        exact(holds.limits.memory.precision),
        exact(holds.limits.processes.precision),
    ) {
        (true, true) => Finding::ok("limits", "memory and processes are counted by the kernel"),
        (_, processes) => Finding::optional(
            "limits",
            if processes {
                "processes are counted by the kernel, memory is looked at 20 times a second"
            } else {
                "memory and processes are looked at 20 times a second"
            },
            "for exact ones start it with a control group of its own: systemd-run --user --scope -p Delegate=yes tidegate run",
        ),
    };
    vec![ids, limits]
}

fn cache(host: &Host) -> Finding {
    let Some(folder) = &host.cache else {
        return Finding::optional(
            "compiled stages",
            "no folder to keep them in",
            "set HOME or XDG_CACHE_HOME",
        );
    };
    match Sandbox::new(Some(folder.clone())) {
        Ok(_) => Finding::ok("compiled stages", format!("kept in {}", folder.display())),
        Err(SandboxError::Cache(error)) => Finding::missing("compiled stages", error.to_string(), error.help()),
        Err(error) => Finding::missing(
            "compiled stages",
            error.to_string(),
            "report this with the kernel's version",
        ),
    }
}

fn git(host: &Host) -> Finding {
    match Tool::ask(host, "git", &["--version"]) {
        Some(tool) => Finding::ok("git", format!("{} ({})", tool.answer, tool.path.display())),
        None => Finding::optional(
            "git",
            "`branch`, `tag` and `commit` are unknown without it",
            "install it (Debian, Ubuntu: sudo apt-get install git)",
        ),
    }
}

/// Whether it can make virtual environments: Debian ships that apart.
const PYTHON_QUESTION: &str = "import sys, importlib.util as u; print('Python %d.%d.%d' % sys.version_info[:3], \
    'venv' if u.find_spec('venv') and u.find_spec('ensurepip') else 'alone')";

fn python(host: &Host) -> Finding {
    let install = "sudo apt-get install python3 python3-venv";
    match Tool::ask(host, "python3", &["-I", "-S", "-c", PYTHON_QUESTION]) {
        Some(tool) if tool.answer.ends_with(" alone") => {
            let version = tool.answer.trim_end_matches(" alone");
            let what = format!("{version} can't put pip into an environment");
            Finding::optional(
                "python3",
                what,
                format!("install its venv package (Debian, Ubuntu: {install})"),
            )
        }
        Some(tool) => {
            let version = tool.answer.trim_end_matches(" venv");
            Finding::ok("python3", format!("{version} ({})", tool.path.display()))
        }
        None => Finding::optional(
            "python3",
            "the stages for Python projects need it",
            format!("install it (Debian, Ubuntu: {install})"),
        ),
    }
}

fn uv(host: &Host) -> Finding {
    match Tool::ask(host, "uv", &["--version"]) {
        Some(tool) => Finding::ok("uv", format!("{} ({})", tool.answer, tool.path.display())),
        None => Finding::optional(
            "uv",
            "only projects with a uv.lock need it",
            "python3 -m pip install uv",
        ),
    }
}

fn ssh() -> Finding {
    Finding::ok("ssh", "no program needed: the engine speaks SSH itself")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::State;

    #[test]
    fn a_reason_is_given_once() {
        let why = Why {
            what: "user namespaces are switched off".into(),
            fix: "sudo sysctl x=1".into(),
        };
        let machine = Machine {
            kernel: "6.8".into(),
            user_namespaces: Err(why.clone()),
            file_system: Err(why.clone()),
            programs: Err(why),
            holds: None,
        };
        let findings = confinement(&machine);
        assert!(findings.iter().all(|finding| finding.state == State::Missing));
        let fixes: Vec<_> = findings.iter().filter_map(|finding| finding.fix.as_deref()).collect();
        assert_eq!(fixes, ["sudo sysctl x=1"]);
    }

    #[test]
    fn what_did_not_fail_is_ok() {
        let why = Why {
            what: "mounting is denied".into(),
            fix: "run outside of a container".into(),
        };
        let machine = Machine {
            kernel: "6.8".into(),
            user_namespaces: Ok(()),
            file_system: Err(why.clone()),
            programs: Err(why),
            holds: None,
        };
        let states: Vec<_> = confinement(&machine).iter().map(|finding| finding.state).collect();
        assert_eq!(states, [State::Ok, State::Missing, State::Missing]);
    }
}
