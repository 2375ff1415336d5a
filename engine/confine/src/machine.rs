//! What this machine offers for confining programs, and what to do where it offers less.

use std::fs;
use std::path::Path;

use rustix::io::Errno;

use crate::cell::Cell;
use crate::command::Command;
use crate::failure::{Failure, StartError, Step, Why};
use crate::helper::Helpers;
use crate::offer::{Holds, Machine};
use crate::spec::{CellSpec, Level};

/// Tries everything that a Cell needs, for real: starts one and runs a program in it. `workspace` and `scratch` are two empty
/// folders, one not inside the other. Blocks for some milliseconds.
pub fn probe(helpers: &Helpers, workspace: &Path, scratch: &Path) -> Machine {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let cell = match Cell::start(helpers, &CellSpec::new(workspace, scratch)) {
        Ok(cell) => cell,
        Err(error) => {
            let why = why(&error);
            let step = match &error {
                StartError::Machine { step, .. } => Some(*step),
                StartError::Failed(failure) => Some(failure.step),
                _ => None,
            };
            // In the order in which a Cell is made.
            let unless = |done: &[Step]| match step {
                Some(step) if done.contains(&step) => Ok(()),
                _ => Err(why.clone()),
            };
            const WALLS: [Step; 2] = [Step::Landlock, Step::SystemCalls];
            const LATER: [Step; 6] = [
                Step::Mounts,
                Step::Overlay,
                Step::Proc,
                Step::Masks,
                Step::Landlock,
                Step::SystemCalls,
            ];
            // A machine that denies mounts does so by allowing namespaces in name only.
            let after_namespaces: &[Step] = match &error {
                StartError::Machine { .. } => &WALLS,
                _ => &LATER,
            };
            return Machine {
                kernel,
                user_namespaces: unless(after_namespaces),
                file_system: unless(&WALLS),
                programs: Err(why),
                holds: None,
            };
        }
    };
    let holds = Some(Holds {
        ids: cell.ids().clone(),
        limits: cell.limits(),
    });
    Machine {
        kernel,
        user_namespaces: Ok(()),
        file_system: Ok(()),
        programs: run_in(&cell, workspace),
        holds,
    }
}

/// Starts a Cell of this level and a program in it, and says what stands in the way. The folders are as for `probe`.
pub fn try_level(helpers: &Helpers, workspace: &Path, scratch: &Path, level: Level) -> Result<(), Why> {
    let mut spec = CellSpec::new(workspace, scratch);
    spec.level = level;
    let cell = Cell::start(helpers, &spec).map_err(|error| why(&error))?;
    run_in(&cell, workspace)
}

fn run_in(cell: &Cell, workspace: &Path) -> Result<(), Why> {
    match cell.spawn(Command::new("/usr/bin/env", workspace)) {
        Ok(child) => {
            child.wait();
            Ok(())
        }
        Err(error) => Err(Why {
            what: error.to_string(),
            fix: IN_A_CONTAINER.to_owned(),
        }),
    }
}

const IN_A_CONTAINER: &str = "in a container, start it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`, or run outside of it";

fn why(error: &StartError) -> Why {
    match error {
        StartError::Machine { why, .. } => why.clone(),
        other => Why {
            what: other.to_string(),
            fix: "report this with the kernel's version".to_owned(),
        },
    }
}

/// The machine's reason behind a failed step, if it has one.
pub(crate) fn explain(failure: &Failure) -> Option<Why> {
    let setting = |name: &str| {
        fs::read_to_string(format!("/proc/sys/{name}"))
            .ok()
            .map(|value| value.trim().to_owned())
    };
    let denied = matches!(
        failure.errno.map(Errno::from_raw_os_error),
        Some(Errno::PERM | Errno::ACCESS)
    );
    let why = |what: &str, fix: &str| {
        Some(Why {
            what: what.to_owned(),
            fix: fix.to_owned(),
        })
    };
    match failure.step {
        Step::Namespaces | Step::Identity | Step::Network | Step::Mounts | Step::Overlay => {}
        Step::Landlock => {
            return why(
                "Landlock is missing (Linux 5.13 and later have it, where it is switched on)",
                "start the kernel with `lsm=landlock,…` in front of what /sys/kernel/security/lsm shows",
            );
        }
        Step::LandlockAlone => {
            return why(
                "the degraded level needs Landlock 6 (Linux 6.12 and later have it, where it is switched on)",
                "boot Linux 6.12 or newer, with `lsm=landlock,…` in front of what /sys/kernel/security/lsm shows",
            );
        }
        Step::Spec | Step::Proc | Step::Masks | Step::SystemCalls | Step::Helper => return None,
    }
    if failure.step == Step::Namespaces {
        if setting("user/max_user_namespaces").as_deref() == Some("0") {
            return why(
                "user namespaces are switched off (user.max_user_namespaces is 0)",
                "sudo sysctl user.max_user_namespaces=15000",
            );
        }
        if setting("kernel/unprivileged_userns_clone").as_deref() == Some("0") {
            return why(
                "user namespaces are for root only (kernel.unprivileged_userns_clone is 0)",
                "sudo sysctl kernel.unprivileged_userns_clone=1",
            );
        }
        if failure.errno.map(Errno::from_raw_os_error) == Some(Errno::NOSPC) {
            return why(
                "no more user namespaces are allowed (user.max_user_namespaces, or one inside another too often)",
                "sudo sysctl user.max_user_namespaces=15000",
            );
        }
    }
    if !denied {
        return None;
    }
    // AppArmor lets the namespace be made and then denies everything in it.
    if setting("kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return why(
            "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for tidegate with `userns,`",
        );
    }
    if failure.step == Step::Namespaces {
        return why(
            "making user namespaces is denied, as in most containers",
            IN_A_CONTAINER,
        );
    }
    Some(Why {
        what: format!("{}, as in some containers", failure.text),
        fix: IN_A_CONTAINER.to_owned(),
    })
}
