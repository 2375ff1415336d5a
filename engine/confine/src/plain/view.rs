//! What one stage attempt sees of the files, where only the engine can look at names.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};

use super::helpers::Helpers;
use super::rules::Rules;
use super::{free_folders, walk};
use crate::failure::{During, Failure, StartError, Step};
use crate::limits;
use crate::resolve;
use crate::spec::{CellSpec, is_whole};

/// The workspace without what is hidden, scratch, and the paths of `read`: the plain folders, and a check of every name. It holds
/// for what the engine opens through it; native programs are not kept from anything.
///
/// Paths are relative to the workspace, or absolute and inside of one of the places above, and spelled as on disk. Links are
/// followed as long as they stay inside; one that leads out or to something hidden is `PermissionDenied`.
#[derive(Debug)]
pub struct View {
    /// The first one is the workspace.
    places: Vec<Place>,
    rules: Rules,
    /// Relative to the workspace, without `.`.
    write: Vec<PathBuf>,
    free: Vec<(PathBuf, bool)>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    root: OwnedFd,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Workspace,
    Read,
    Scratch,
}

impl View {
    /// Blocks while the workspace is walked. Missing `write` folders are made.
    pub fn build(_helpers: &Helpers, spec: &CellSpec) -> Result<Arc<Self>, StartError> {
        Self::new(spec).map(Arc::new).map_err(|failure| match failure.step {
            Step::Spec | Step::Masks => StartError::Spec(failure.text),
            _ => StartError::Failed(failure),
        })
    }

    fn new(spec: &CellSpec) -> Result<Self, Failure> {
        let kinds = [Kind::Workspace, Kind::Scratch]
            .into_iter()
            .zip([&spec.workspace, &spec.scratch]);
        let read = spec.read.iter().map(|path| (Kind::Read, path));
        let mut places = Vec::new();
        for (kind, path) in kinds.chain(read) {
            places.push(Place {
                path: path.clone(),
                root: openat(
                    CWD,
                    path,
                    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
                    Mode::empty(),
                )
                .during(Step::Spec, format_args!("can't open `{}`", path.display()))?,
                kind,
            });
        }
        let rules = Rules::find(spec)?;
        let mut write = Vec::new();
        for folder in &spec.write {
            let folder = if is_whole(folder) {
                PathBuf::new()
            } else {
                plain(folder)
            };
            if rules.hide(&folder, true) {
                return Err(Failure::spec(format!(
                    "the `write` folder `{}` is hidden",
                    folder.display()
                )));
            }
            walk::make_folder(places[0].root.as_fd(), &folder).during(
                Step::Spec,
                format_args!("can't open the `write` folder `{}`", folder.display()),
            )?;
            write.push(folder);
        }
        let mut view = Self {
            places,
            rules,
            write,
            free: Vec::new(),
        };
        view.free = view.find_free(spec)?;
        Ok(view)
    }

    /// Absolute paths of folders that hold nothing hidden, and where `true` nothing read-only either, each with whether it may be
    /// written: what WASI's own functions may be given, which look at no name. `open` and `create` show more than these.
    pub fn free_folders(&self) -> &[(PathBuf, bool)] {
        &self.free
    }

    /// Opens a file for reading. Anything else than a file is `InvalidInput`.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        regular(self.open_dir_or_file(path)?, path)
    }

    /// A file or folder, open for reading.
    pub fn open_dir_or_file(&self, path: &Path) -> io::Result<OwnedFd> {
        let real = self.resolve(path)?;
        let (place, inside) = self.place(&real).ok_or_else(|| outside(path))?;
        // A named pipe without a writer would block here without NONBLOCK; on files it means nothing.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = walk::open(place.root.as_fd(), &inside, flags, Mode::empty())?;
        let is_folder = FileType::from_raw_mode(fstat(&opened)?.st_mode).is_dir();
        self.refuse_hidden(place, &inside, is_folder)?;
        Ok(opened)
    }

    /// Creates or empties a file, beneath a `write` folder or scratch only; missing folders on the way are made. Elsewhere it is
    /// `PermissionDenied`.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        let real = self.resolve(path)?;
        let (place, inside) = self.place(&real).ok_or_else(|| outside(path))?;
        let is_below = |folder: &PathBuf| inside.starts_with(folder) && inside != *folder;
        let may_write = match place.kind {
            Kind::Workspace => self.write.iter().any(is_below) && !self.rules.protect(&inside),
            Kind::Scratch => true,
            Kind::Read => false,
        };
        if !may_write {
            return Err(denied(path, "is not in a folder that this stage may write"));
        }
        self.refuse_hidden(place, &inside, false)?;
        let name = inside.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let folder = walk::make_folder(place.root.as_fd(), inside.parent().unwrap_or(Path::new("")))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = walk::open(folder.as_fd(), Path::new(name), flags, Mode::from_raw_mode(0o666))?;
        let file = regular(file, path)?;
        // Only now that it is known to be a file, and the one that was meant.
        file.set_len(0)?;
        Ok(file)
    }

    /// The absolute path without links, which must not be hidden on the way.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        // `..` after a link means something else than it says, so only links may have it.
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(path));
        }
        let absolute = plain(&self.places[0].path.join(path));
        resolve::without_links(&absolute, &|path| self.link_at(path))?.ok_or_else(|| outside(path))
    }

    /// The target if there is a link at this path, whose parent has no links. None outside of all places, and where there is
    /// nothing.
    fn link_at(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let Some((place, inside)) = self.place(path) else {
            return Ok(None);
        };
        match walk::link_at(place.root.as_fd(), &inside) {
            Ok(Some(target)) => {
                self.refuse_hidden(place, &inside, false)?;
                Ok(Some(target))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other,
        }
    }

    fn refuse_hidden(&self, place: &Place, inside: &Path, is_folder: bool) -> io::Result<()> {
        if place.kind == Kind::Workspace && self.rules.hide(inside, is_folder) {
            return Err(denied(inside, "is hidden"));
        }
        Ok(())
    }

    /// The innermost place of an absolute path, and the path within.
    fn place(&self, path: &Path) -> Option<(&Place, PathBuf)> {
        let inside = self.places.iter().filter(|place| path.starts_with(&place.path));
        let place = inside.max_by_key(|place| place.path.components().count())?;
        Some((place, path.strip_prefix(&place.path).ok()?.to_owned()))
    }

    fn find_free(&self, spec: &CellSpec) -> Result<Vec<(PathBuf, bool)>, Failure> {
        let find = |folder: &Path, kept: &_| {
            free_folders::find(&spec.workspace, folder, kept).during(
                Step::Masks,
                format_args!("can't list `{}`", spec.workspace.join(folder).display()),
            )
        };
        let kept = self.rules.masks.union(&self.rules.read_only).cloned().collect();
        let mut free = Vec::new();
        for folder in &self.write {
            free.extend(find(folder, &kept)?.into_iter().map(|folder| (folder, true)));
        }
        for folder in find(Path::new(""), &self.rules.masks)? {
            // What may be written may be read already.
            if !free.iter().any(|(writable, _)| folder.starts_with(writable)) {
                free.push((folder, false));
            }
        }
        free.truncate(limits::FREE_FOLDERS);
        let mut free: Vec<_> = free
            .into_iter()
            .map(|(folder, writable)| (plain(&spec.workspace.join(folder)), writable))
            .collect();
        let read = self.places.iter().filter(|place| place.kind == Kind::Read);
        // WASI opens folders first; a single file is there for `open`.
        free.extend(
            read.filter(|place| place.path.is_dir())
                .map(|place| (place.path.clone(), false)),
        );
        free.push((spec.scratch.clone(), true));
        Ok(free)
    }
}

fn regular(opened: OwnedFd, path: &Path) -> io::Result<File> {
    if FileType::from_raw_mode(fstat(&opened)?.st_mode).is_file() {
        return Ok(File::from(opened));
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("`{}` is not a file", path.display()),
    ))
}

/// Without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn outside(path: &Path) -> io::Error {
    denied(path, "leads out of what this stage can see")
}

fn denied(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("`{}` {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{ErrorKind, Read, Write};
    use std::os::unix::fs::symlink;

    use super::*;

    struct Project {
        workspace: tempfile::TempDir,
        elsewhere: tempfile::TempDir,
        scratch: tempfile::TempDir,
    }

    impl Project {
        /// Each file holds its own path.
        fn new(files: &[&str]) -> Self {
            let folder = || tempfile::tempdir().unwrap();
            let project = Self {
                workspace: folder(),
                elsewhere: folder(),
                scratch: folder(),
            };
            for file in files {
                project.put(file);
            }
            fs::write(project.elsewhere.path().join("granted"), "granted").unwrap();
            project
        }

        fn put(&self, file: &str) {
            let path = self.workspace.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }

        fn link(&self, target: &str, link: &str) {
            symlink(target, self.workspace.path().join(link)).unwrap();
        }

        fn view(&self, change: impl FnOnce(&mut CellSpec)) -> Arc<View> {
            let mut spec = CellSpec::new(self.workspace.path(), self.scratch.path());
            change(&mut spec);
            View::build(&Helpers::of("/nowhere"), &spec).unwrap()
        }

        fn content(&self, file: &str) -> String {
            fs::read_to_string(self.workspace.path().join(file)).unwrap()
        }
    }

    fn read(view: &View, path: impl AsRef<Path>) -> Result<String, ErrorKind> {
        let mut text = String::new();
        let opened = view.open(path.as_ref()).map_err(|error| error.kind());
        opened?.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn hidden_files_are_refused_by_every_name() {
        let project = Project::new(&["a/file", "a/.env", ".git/config", "secrets/key.pem", "settings"]);
        project.link("a/.env", "innocent");
        project.link(".git", "folder");
        project.link("settings", ".env");
        let view = project.view(|spec| spec.hide = vec!["/secrets/".to_owned(), "*.pem".to_owned()]);
        assert_eq!(read(&view, "a/file").unwrap(), "a/file");
        for hidden in [
            "a/.env",
            "innocent",
            ".git/config",
            "folder/config",
            "secrets/key.pem",
            ".env",
            "settings",
        ] {
            assert_eq!(read(&view, hidden), Err(ErrorKind::PermissionDenied), "{hidden}");
        }
        for folder in [".git", "folder", "secrets"] {
            assert!(view.open_dir_or_file(Path::new(folder)).is_err(), "{folder}");
        }
        // Made after the View.
        for file in ["b/.env.local", "c/new.pem"] {
            project.put(file);
            assert_eq!(read(&view, file), Err(ErrorKind::PermissionDenied), "{file}");
        }
    }

    #[test]
    fn links_are_followed_inside_and_refused_when_they_lead_out() {
        let project = Project::new(&["a/file"]);
        let outside = project.elsewhere.path().to_str().unwrap();
        project.link("file", "a/near");
        project.link(project.workspace.path().join("a").to_str().unwrap(), "absolute");
        project.link(&format!("{outside}/granted"), "out");
        project.link("../../../../../../etc/passwd", "up");
        project.link("loop", "loop");
        let view = project.view(|_| {});
        assert_eq!(read(&view, "a/near").unwrap(), "a/file");
        assert_eq!(read(&view, "absolute/near").unwrap(), "a/file");
        for path in ["out", "up", "a/../a/file", "/etc/passwd"] {
            assert_eq!(read(&view, path), Err(ErrorKind::PermissionDenied), "{path}");
        }
        assert!(read(&view, "loop").is_err());
        assert_eq!(read(&view, "missing"), Err(ErrorKind::NotFound));
        assert_eq!(read(&view, "a"), Err(ErrorKind::InvalidInput));
        let view = project.view(|spec| spec.read = vec![project.elsewhere.path().into()]);
        assert_eq!(read(&view, "out").unwrap(), "granted");
        let granted = project.elsewhere.path().join("granted");
        assert_eq!(read(&view, &granted).unwrap(), "granted");
        assert!(view.create(&granted).is_err());
    }

    #[test]
    fn creates_where_it_may_and_nowhere_else() {
        let project = Project::new(&["build/old", "src/file", "tidegate.toml", "build/.env"]);
        project.link("../src/file", "build/aside");
        project.link("deep/new", "build/forward");
        let view = project.view(|spec| {
            spec.write = vec!["build".into(), "made/here".into()];
            spec.read_only = vec!["build/old".into()];
        });
        let write = |path: &str| view.create(Path::new(path)).and_then(|mut file| file.write_all(b"new"));
        for good in ["build/deep/new", "build/forward", "made/here/x"] {
            write(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        assert_eq!(project.content("build/deep/new"), "new");
        let scratch = project.scratch.path().join("a/b");
        view.create(&scratch).unwrap().write_all(b"new").unwrap();
        for bad in [
            "src/file",
            "build/aside",
            "build/old",
            "build/.env",
            "build/.env.new",
            "build",
            "tidegate.toml",
            "new",
        ] {
            assert!(write(bad).is_err(), "{bad}");
        }
        for unchanged in ["src/file", "build/old", "build/.env"] {
            assert_eq!(project.content(unchanged), unchanged);
        }
        assert!(!project.workspace.path().join("build/.env.new").exists());
    }

    #[test]
    fn wasi_gets_only_folders_without_anything_hidden() {
        let project = Project::new(&[
            "src/a/file",
            "src/b/.env",
            "src/c/d/file",
            "docs/page",
            ".git/config",
            "tidegate.toml",
        ]);
        let free = |change: &dyn Fn(&mut CellSpec)| {
            let view = project.view(change);
            let inside = |path: &Path| path.strip_prefix(project.workspace.path()).ok().map(Path::to_owned);
            view.free_folders()
                .iter()
                .filter_map(|(path, writable)| Some((inside(path)?.display().to_string(), *writable)))
                .collect::<Vec<_>>()
        };
        let expected = |folders: &[(&str, bool)]| {
            let owned = folders.iter().map(|(path, writable)| ((*path).to_owned(), *writable));
            owned.collect::<Vec<_>>()
        };
        assert_eq!(
            free(&|_| {}),
            expected(&[("docs", false), ("src/a", false), ("src/c", false)])
        );
        assert_eq!(
            free(&|spec| {
                spec.write = vec!["src".into()];
                spec.read_only = vec!["src/c/d/file".into()];
            }),
            expected(&[("src/a", true), ("docs", false), ("src/c", false)])
        );
        let scratch = (project.scratch.path().to_owned(), true);
        assert!(project.view(|_| {}).free_folders().contains(&scratch));
    }
}
