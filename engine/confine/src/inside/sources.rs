//! What a Cell takes from the host, collected before the host disappears from view.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};

use super::mount::{Forbid, Tree};
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::masks::Masks;
use crate::spec::{CellSpec, Level, Network, is_whole};
use crate::system_set::{self, CERTIFICATES, CONFIGURATION, DEVICES, FOLDERS, system_set};

pub(super) struct Sources {
    /// The system set and the granted paths.
    pub(super) placed: Vec<(PathBuf, Placed)>,
    pub(super) workspace: OwnedFd,
    /// The real folders of `write`, in the specification's order.
    pub(super) write: Vec<(PathBuf, OwnedFd)>,
    pub(super) masks: Masks,
}

pub(super) enum Placed {
    Link(PathBuf),
    Mount(Tree),
}

impl Sources {
    /// At `Level::Unconfined` only the workspace and its `write` folders, at `Level::Degraded` with what is to be hidden.
    pub(super) fn collect(spec: &CellSpec) -> Result<Self, Failure> {
        check(spec)?;
        let workspace = open_folder(&spec.workspace).during(
            Step::Spec,
            format_args!("can't open the workspace `{}`", spec.workspace.display()),
        )?;
        let write = spec
            .write
            .iter()
            .map(|folder| Ok((folder.clone(), open_write_folder(&workspace, folder)?)))
            .collect::<Result<_, Failure>>()?;
        for folder in [spec.home(), spec.temp()] {
            fs::create_dir_all(&folder).during(Step::Spec, format_args!("can't make `{}`", folder.display()))?;
        }
        let mut sources = Self {
            placed: Vec::new(),
            workspace,
            write,
            masks: Masks(Vec::new()),
        };
        if spec.level != Level::Unconfined {
            // After the `write` folders were made: one of them may have a hidden name.
            sources.masks = Masks::find(&spec.workspace, &spec.hide)?;
            sources.refuse_hidden_write_folders()?;
        }
        if spec.level == Level::Full {
            sources.take_system_set(spec.network)?;
            sources.take_granted(spec)?;
        }
        Ok(sources)
    }

    fn refuse_hidden_write_folders(&self) -> Result<(), Failure> {
        for (folder, _) in &self.write {
            if let Some(mask) = self.masks.0.iter().find(|mask| without_dots(folder).starts_with(mask)) {
                return Err(Failure::spec(format!(
                    "`write` folder `{}` is hidden from stages (`{}`)",
                    folder.display(),
                    mask.display()
                )));
            }
        }
        Ok(())
    }

    fn take_system_set(&mut self, network: Network) -> Result<(), Failure> {
        let certificates = if network == Network::Host {
            &CERTIFICATES[..]
        } else {
            &[]
        };
        for path in FOLDERS.iter().chain(&CONFIGURATION).chain(certificates).map(Path::new) {
            let Ok(metadata) = fs::symlink_metadata(path) else {
                continue;
            };
            let placed = if metadata.is_symlink() && leads_into_system_set(path) {
                Placed::Link(fs::read_link(path).during(Step::Mounts, path.display())?)
            } else {
                match take(path, Forbid::WRITING) {
                    Ok(tree) => Placed::Mount(tree),
                    // A dangling link, or what only root can read.
                    Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                        continue;
                    }
                    Err(error) => {
                        return Err(error).during(Step::Mounts, format_args!("can't bind `{}`", path.display()));
                    }
                }
            };
            self.placed.push((path.to_owned(), placed));
        }
        for name in DEVICES {
            let path = Path::new("/dev").join(name);
            let tree =
                take(&path, Forbid::SETUID).during(Step::Mounts, format_args!("can't bind `{}`", path.display()))?;
            self.placed.push((path, Placed::Mount(tree)));
        }
        Ok(())
    }

    fn take_granted(&mut self, spec: &CellSpec) -> Result<(), Failure> {
        let read_only = spec
            .read
            .iter()
            .chain(&spec.toolchains)
            .chain(&spec.for_programs)
            .map(|path| (path, Forbid::WRITING));
        for (path, forbid) in read_only.chain([(&spec.scratch, Forbid::PRIVILEGE)]) {
            if system_set().covers(path) {
                continue;
            }
            let tree = take(path, forbid).during(Step::Spec, format_args!("can't bind `{}`", path.display()))?;
            self.placed.push((path.clone(), Placed::Mount(tree)));
        }
        Ok(())
    }
}

fn check(spec: &CellSpec) -> Result<(), Failure> {
    let workspace = &spec.workspace;
    is_plain(workspace)?;
    let mut reserved = FOLDERS.iter().chain(&system_set::SYNTHETIC);
    if workspace == Path::new("/") || reserved.any(|folder| workspace.starts_with(folder)) {
        return Err(Failure::spec(format!(
            "`{}` can't be a workspace: it belongs to the system; move the project to a folder of its own",
            workspace.display()
        )));
    }
    for path in [&spec.read, &spec.toolchains, &spec.for_programs]
        .into_iter()
        .flatten()
        .chain([&spec.scratch])
    {
        is_plain(path)?;
        if path == Path::new("/") || system_set::SYNTHETIC.iter().any(|folder| path.starts_with(folder)) {
            return Err(Failure::spec(format!(
                "`{}` can't be shown to a stage; name a narrower path",
                path.display()
            )));
        }
    }
    if spec.write.len() > limits::WRITE_FOLDERS {
        return Err(Failure::spec(format!(
            "more than {} `write` folders",
            limits::WRITE_FOLDERS
        )));
    }
    for path in spec.write.iter().chain(&spec.read_only) {
        if !path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(Failure::spec(format!(
                "`{}` is not a path within the workspace",
                path.display()
            )));
        }
    }
    Ok(())
}

/// A path with `..` would mean one thing here and another one to a program.
fn is_plain(path: &Path) -> Result<(), Failure> {
    if path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && path.is_absolute()
    {
        return Ok(());
    }
    Err(Failure::spec(format!(
        "`{}` is not an absolute path without `..`",
        path.display()
    )))
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn open_write_folder(workspace: &OwnedFd, folder: &Path) -> Result<OwnedFd, Failure> {
    let open = |path: &Path| {
        openat2(
            workspace,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        )
    };
    let refused = |error: rustix::io::Errno| match error {
        rustix::io::Errno::LOOP | rustix::io::Errno::XDEV => Failure::spec(format!(
            "`write` folder `{}` leads through a symbolic link; name the real folder",
            folder.display()
        )),
        error => Failure::new(
            Step::Spec,
            format_args!("can't open the `write` folder `{}`", folder.display()),
            error,
        ),
    };
    let mut current = open(Path::new(".")).map_err(refused)?;
    if is_whole(folder) {
        return Ok(current);
    }
    let mut so_far = PathBuf::new();
    for part in without_dots(folder).components() {
        so_far.push(part);
        current = match open(&so_far) {
            Err(rustix::io::Errno::NOENT) => {
                match mkdirat(&current, part.as_os_str(), Mode::from_raw_mode(0o755)) {
                    // A parallel stage has made it.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(refused(error)),
                }
                open(&so_far).map_err(refused)?
            }
            found => found.map_err(refused)?,
        };
    }
    Ok(current)
}

pub(super) fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn leads_into_system_set(link: &Path) -> bool {
    fs::canonicalize(link).is_ok_and(|target| system_set().covers(&target))
}

fn take(path: &Path, forbid: Forbid) -> io::Result<Tree> {
    let tree = Tree::clone_of(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)?;
    tree.forbid(forbid)?;
    Ok(tree)
}
