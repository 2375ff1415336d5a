//! What programs may open where there are no mounts: rules for what the specification names, part by part where something in it
//! is hidden. Landlock allows and never denies, so a folder with a hidden file gets no rule of its own.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};

use super::sources::{Sources, without_dots};
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::parts::{Kind, for_each_part};
use crate::spec::CellSpec;
use crate::system_set::{self, CERTIFICATES, DEVICES, FOLDERS, SYNTHETIC_FILES};

/// Linux 6.12: the first with a wall between the signals of a program and everybody else's processes.
const NEEDED: ABI = ABI::V6;

/// A file or folder, whatever its name.
pub(super) type Inode = (u64, u64);

#[derive(Debug)]
pub(super) struct Grants {
    pub(super) rules: RulesetCreated,
    /// Folders without a rule of their own, because a rule to list one would hold for the hidden folders in it too.
    pub(super) apart: BTreeSet<Inode>,
}

impl Grants {
    pub(super) fn collect(spec: &CellSpec, sources: &Sources) -> Result<Self, Failure> {
        let mut grants = Self {
            rules: ruleset().map_err(|error| Failure::new(Step::LandlockAlone, error, io::ErrorKind::Unsupported))?,
            apart: BTreeSet::new(),
        };
        let mut number = 0;
        grants.allow_system(spec, &mut number)?;
        // Names are compared from here on, so all of them must be the real ones.
        let real = |path: &Path| path.canonicalize().during(Step::Spec, path.display());
        let workspace = real(&spec.workspace)?;
        let hidden: BTreeSet<_> = sources.masks.0.iter().map(|mask| workspace.join(mask)).collect();
        let read = AccessFs::from_read(NEEDED);
        for path in [&spec.read, &spec.toolchains, &spec.for_programs].into_iter().flatten() {
            let opened = open(path).during(Step::Spec, format_args!("can't open `{}`", path.display()))?;
            grants.allow(&opened, &real(path)?, read, &hidden, &mut number)?;
        }
        grants.allow(sources.workspace.folder(), &workspace, read, &hidden, &mut number)?;
        let protected = spec.read_only.iter().map(|path| workspace.join(without_dots(path)));
        let unwritable: BTreeSet<_> = hidden.iter().cloned().chain(protected).collect();
        let write = AccessFs::from_all(NEEDED);
        for (folder, opened) in &sources.write {
            let path = workspace.join(without_dots(folder));
            if !path.ancestors().any(|above| unwritable.contains(above)) {
                // One right less than scratch has, and one that means nothing for what lies here: the kernel lets no file move to
                // where it can do more, so no socket of the host's gets from here to scratch, where programs may connect.
                let write = write & !AccessFs::IoctlDev;
                grants.allow(opened.folder(), &path, write, &unwritable, &mut number)?;
            }
        }
        let scratch =
            open(&spec.scratch).during(Step::Spec, format_args!("can't open `{}`", spec.scratch.display()))?;
        grants.rule(&scratch, &spec.scratch, write, &mut number)?;
        Ok(grants)
    }

    fn allow_system(&mut self, spec: &CellSpec, number: &mut usize) -> Result<(), Failure> {
        let connected = !spec.network.is_empty() || !spec.redirects.is_empty();
        let certificates: &[&str] = if connected { &CERTIFICATES } else { &[] };
        // The files that are synthetic elsewhere are the host's here.
        let configuration = system_set::configuration();
        let named = FOLDERS
            .iter()
            .chain(&SYNTHETIC_FILES)
            .chain(certificates)
            .map(Path::new);
        for path in named.chain(configuration.iter().map(PathBuf::as_path)) {
            match open(path) {
                Ok(opened) => self.rule(&opened, path, AccessFs::from_read(NEEDED), number)?,
                // This machine does not have it, or keeps it from us and so from the programs.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {}
                Err(error) => return Err(error).during(Step::Landlock, path.display()),
            }
        }
        for device in DEVICES {
            let path = Path::new("/dev").join(device);
            let opened = open(&path).during(Step::Landlock, path.display())?;
            self.rule(&opened, &path, AccessFs::from_all(NEEDED), number)?;
        }
        Ok(())
    }

    fn allow(
        &mut self,
        opened: &OwnedFd,
        path: &Path,
        access: BitFlags<AccessFs>,
        without: &BTreeSet<PathBuf>,
        number: &mut usize,
    ) -> Result<(), Failure> {
        for_each_part(opened, path, without, &mut |part| match part.kind {
            Kind::Apart => {
                let found = fstat(part.opened).during(Step::Masks, part.path.display())?;
                self.apart.insert((found.st_dev, found.st_ino));
                Ok(())
            }
            Kind::File | Kind::Folder => self.rule(part.opened, part.path, access, number),
        })
    }

    fn rule(
        &mut self,
        opened: &OwnedFd,
        path: &Path,
        access: BitFlags<AccessFs>,
        number: &mut usize,
    ) -> Result<(), Failure> {
        *number += 1;
        if *number > limits::PARTS {
            return Err(Failure::spec(format!(
                "more than {} files and folders lie beside hidden ones, which is more than can be allowed one by one; keep hidden \
                 files apart from generated ones",
                limits::PARTS
            )));
        }
        let found = fstat(opened).during(Step::Landlock, path.display())?;
        // Only folders have the other rights.
        let access = if FileType::from_raw_mode(found.st_mode).is_dir() {
            access
        } else {
            access & AccessFs::from_file(NEEDED)
        };
        let added = (&mut self.rules).add_rule(PathBeneath::new(opened, access));
        added
            .map(|_| ())
            .map_err(io::Error::other)
            .during(Step::Landlock, format_args!("can't allow `{}`", path.display()))
    }
}

/// No rule for connections is ever added: who connects for a program is the gate, which these rules do not hold.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .handle_access(AccessNet::ConnectTcp)?
        .scope(Scope::from_all(NEEDED))?
        .create()
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}
