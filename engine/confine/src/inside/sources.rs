//! What a Cell takes from the host, collected before the host disappears from view.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat};

use super::mount::{Forbid, Tree};
use super::own_id::OwnId;
use super::real::{Real, User};
use super::submounts;
use crate::failure::{During, Failure, Step};
use crate::limits;
use crate::masks::Masks;
use crate::open::openat2;
use crate::spec::{CellSpec, Level, is_whole};
use crate::system_set::{self, CERTIFICATES, DEVICES, FOLDERS, system_set};

pub(super) struct Sources {
    /// The system set and the granted paths.
    pub(super) placed: Vec<(PathBuf, Placed)>,
    pub(super) workspace: Real,
    /// The real folders of `write`, in the specification's order.
    pub(super) write: Vec<(PathBuf, Real)>,
    /// None where it was opened for nobody but the programs.
    pub(super) scratch: Option<Real>,
    pub(super) masks: Masks,
}

pub(super) enum Placed {
    Link(PathBuf),
    Mount(Tree),
}

impl Sources {
    /// At `Level::Unconfined` only the workspace and its `write` folders, at `Level::Degraded` with what is to be hidden. With an id
    /// of their own the programs are the owners of whatever is granted.
    pub(super) fn collect(spec: &CellSpec, mut own: Option<&mut OwnId>) -> Result<Self, Failure> {
        check(spec)?;
        let workspace = open_folder(&spec.workspace).during(
            Step::Spec,
            format_args!("can't open the workspace `{}`", spec.workspace.display()),
        )?;
        if own.is_some() && !spec.writes_everywhere() {
            // For root the kernel would not refuse it.
            submounts::refuse(&workspace)?;
        }
        let workspace = match own.as_deref_mut() {
            Some(own) => Real::mapped(workspace, own, !spec.write.is_empty())?,
            None => Real::plain(workspace),
        };
        let mut write = Vec::with_capacity(spec.write.len());
        for folder in &spec.write {
            let real = open_write_folder(&workspace, folder)?;
            let real = match own.as_deref_mut() {
                Some(own) if !is_whole(folder) => Real::mapped(real, own, true)?,
                _ => Real::plain(real),
            };
            write.push((folder.clone(), real));
        }
        let scratch = match own.as_deref_mut() {
            Some(own) => Some(open_scratch(spec, own)?),
            None => None,
        };
        for folder in [spec.home(), spec.temp()] {
            make_in_scratch(&folder, scratch.as_ref())
                .during(Step::Spec, format_args!("can't make `{}`", folder.display()))?;
        }
        let mut sources = Self {
            placed: Vec::new(),
            workspace,
            write,
            scratch,
            masks: Masks(Vec::new()),
        };
        if spec.level != Level::Unconfined {
            // After the `write` folders were made: one of them may have a hidden name.
            sources.masks = Masks::find(&spec.workspace, &spec.hide)?;
            sources.refuse_hidden_write_folders()?;
        }
        if spec.level == Level::Full {
            sources.take_system_set(!spec.network.is_empty())?;
            sources.take_granted(spec, own)?;
        }
        Ok(sources)
    }

    /// The workspace, then each `write` folder.
    pub(super) fn into_descriptors(self) -> Vec<OwnedFd> {
        let write = self.write.into_iter().map(|(_, folder)| folder);
        [self.workspace]
            .into_iter()
            .chain(write)
            .map(Real::into_folder)
            .collect()
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

    fn take_system_set(&mut self, with_network: bool) -> Result<(), Failure> {
        let certificates = if with_network { &CERTIFICATES[..] } else { &[] };
        let configuration = system_set::configuration();
        let named = FOLDERS.iter().chain(certificates).map(Path::new);
        for path in named.chain(configuration.iter().map(PathBuf::as_path)) {
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
            let tree = take(&path, Forbid::CHANGES_OF_NODES)
                .during(Step::Mounts, format_args!("can't bind `{}`", path.display()))?;
            self.placed.push((path, Placed::Mount(tree)));
        }
        Ok(())
    }

    fn take_granted(&mut self, spec: &CellSpec, mut own: Option<&mut OwnId>) -> Result<(), Failure> {
        // What is granted by name is read as by its owner; of the system set, with an id of their own, programs read what is
        // everybody's.
        let by_name = own.is_some();
        let granted = spec.read.iter().chain(&spec.for_programs).map(|path| (path, by_name));
        for (path, always) in granted.chain(spec.toolchains.iter().map(|path| (path, false))) {
            if system_set().covers(path) && !always {
                continue;
            }
            let what = format_args!("can't bind `{}`", path.display());
            let source = open(path).during(Step::Spec, what)?;
            let tree = match own.as_deref_mut() {
                Some(own) => own.for_programs(source)?,
                None => Tree::clone_of(source).during(Step::Spec, what)?,
            };
            tree.forbid(Forbid::WRITING).during(Step::Spec, what)?;
            self.placed.push((path.clone(), Placed::Mount(tree)));
        }
        let what = format_args!("can't bind `{}`", spec.scratch.display());
        let scratch = match &self.scratch {
            Some(scratch) => scratch.tree(User::Programs),
            None => open(&spec.scratch).and_then(Tree::clone_of),
        };
        let scratch = scratch.during(Step::Spec, what)?;
        scratch.forbid(Forbid::PRIVILEGE).during(Step::Spec, what)?;
        self.placed.push((spec.scratch.clone(), Placed::Mount(scratch)));
        self.add_links(spec);
        Ok(())
    }

    fn add_links(&mut self, spec: &CellSpec) {
        for (path, target) in &spec.links {
            let placed = self.placed.iter().map(|(placed, _)| placed.as_path());
            let made = spec.extra_files.keys().map(PathBuf::as_path);
            let synthetic = system_set::SYNTHETIC_FILES.iter().map(Path::new);
            let mut shown = placed.chain(made).chain(synthetic).chain([spec.workspace.as_path()]);
            let is_taken = Path::new("/tmp").starts_with(path)
                || shown.any(|shown| path.starts_with(shown) || shown.starts_with(path));
            drop(shown);
            if !is_taken {
                self.placed.push((path.clone(), Placed::Link(target.clone())));
            }
        }
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
        .chain(spec.links.iter().flat_map(|(path, target)| [path, target]))
    {
        is_plain(path)?;
        if path == Path::new("/") || system_set::SYNTHETIC.iter().any(|folder| path.starts_with(folder)) {
            return Err(Failure::spec(format!(
                "`{}` can't be shown to a stage; name a narrower path",
                path.display()
            )));
        }
    }
    if spec.network.len() > limits::DESTINATIONS {
        return Err(Failure::spec(format!(
            "more than {} network destinations",
            limits::DESTINATIONS
        )));
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

fn open_write_folder(workspace: &Real, folder: &Path) -> Result<OwnedFd, Failure> {
    let open_in = |root: BorrowedFd<'_>, path: &Path| {
        openat2(
            root,
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
    let open = |path: &Path| open_in(workspace.as_fd(), path);
    let mut current = open(Path::new(".")).map_err(refused)?;
    if is_whole(folder) {
        return Ok(current);
    }
    let mut so_far = PathBuf::new();
    for part in without_dots(folder).components() {
        let parent = Path::new(".").join(&so_far);
        so_far.push(part);
        current = match open(&so_far) {
            Err(rustix::io::Errno::NOENT) => {
                let parent = open_in(workspace.for_engine(), &parent).map_err(refused)?;
                match mkdirat(&parent, part.as_os_str(), Mode::from_raw_mode(0o755)) {
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

/// The programs' folders belong to scratch's owner, like all that they make in it.
fn make_in_scratch(folder: &Path, scratch: Option<&Real>) -> io::Result<()> {
    let (Some(scratch), Some(name)) = (scratch, folder.file_name()) else {
        return fs::create_dir_all(folder);
    };
    match mkdirat(scratch.for_engine(), name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open_scratch(spec: &CellSpec, own: &mut OwnId) -> Result<Real, Failure> {
    let scratch = open_folder(&spec.scratch).during(
        Step::Spec,
        format_args!("can't open scratch `{}`", spec.scratch.display()),
    )?;
    let makes_files = !OwnId::is_engine_s(&scratch)?;
    Real::mapped(scratch, own, makes_files)
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

fn take(path: &Path, forbid: Forbid) -> io::Result<Tree> {
    let tree = Tree::clone_of(open(path)?)?;
    tree.forbid(forbid)?;
    Ok(tree)
}
