//! A second wall around the files, behind the mounts: what a program can read is what it sees, and it can write to few places.
//! It goes on holding where a mount was forgotten, and keeps programs from signalling and tracing out of their command.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope,
};

use crate::spec::CellSpec;
use crate::system_set::DEVICES;

/// The oldest that will do (Linux 5.13): the mounts are the first wall, and what it lacks they hold alone.
const NEEDED: ABI = ABI::V1;

/// The newest whose rights are handled: emptying files is from 3, devices' controls from 5, the scopes from 6 (Linux 6.12).
const WANTED: ABI = ABI::V6;

/// Places made by the Cell itself, in memory.
const PRIVATE: [&str; 2] = ["/tmp", "/dev/shm"];

/// Made once for a Cell and applied in each command: rules are about files, whatever namespace they are seen from.
#[derive(Debug)]
pub(super) struct Landlock(RulesetCreated);

impl Landlock {
    /// Behind the mounts, where the paths are opened. An error: the kernel has none, or too old a one.
    pub(super) fn behind_mounts(spec: &CellSpec) -> io::Result<Self> {
        Self::of(spec).map_err(io::Error::other)
    }

    /// At the degraded level.
    pub(super) fn alone(rules: RulesetCreated) -> Self {
        Self(rules)
    }

    fn of(spec: &CellSpec) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut rules = ruleset()?;
        let all = AccessFs::from_all(WANTED);
        rules = rules.add_rule(PathBeneath::new(PathFd::new("/")?, AccessFs::from_read(WANTED)))?;
        for place in [spec.workspace.as_path(), &spec.scratch]
            .into_iter()
            .chain(PRIVATE.map(Path::new))
        {
            rules = rules.add_rule(PathBeneath::new(PathFd::new(place)?, all))?;
        }
        for device in DEVICES {
            let path = Path::new("/dev").join(device);
            rules = rules.add_rule(PathBeneath::new(PathFd::new(path)?, all & AccessFs::from_file(WANTED)))?;
        }
        Ok(Self(rules))
    }

    /// For this process and all that it starts. It must have no new privileges.
    pub(super) fn apply(&self) -> io::Result<()> {
        let rules = self.0.try_clone()?;
        rules.restrict_self().map(|_| ()).map_err(io::Error::other)
    }
}

fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()
}
