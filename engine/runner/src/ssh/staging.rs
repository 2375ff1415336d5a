//! Where the files of an upload wait before they take their places.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::local_tree::{Entry, LocalTree};
use super::remote_tree::{dotted, inside};
use super::script::Script;
use super::tar_header::NAME_BYTES;
use super::upload_plan::UploadPlan;

/// Longer names get a number, so that a staged name fits into a tar header with the number of its folder.
const PLAIN_NAME_BYTES: usize = NAME_BYTES - 20;

/// The staging folder inside the root, hence on the same file system. Files with plain names lie in numbered folders, one
/// for each folder that they belong to, and move from there by the hundred; the others lie in `n` under numbers.
#[derive(Debug)]
pub(super) struct Staging {
    name: String,
    /// The number of each folder that gets files with plain names.
    numbers: BTreeMap<PathBuf, usize>,
    /// Path, and its name in the staging folder.
    files: Vec<(PathBuf, String)>,
}

impl Staging {
    pub(super) fn new(name: String, plan: &UploadPlan) -> Self {
        let mut staging = Self {
            name,
            numbers: BTreeMap::new(),
            files: Vec::new(),
        };
        for path in &plan.files {
            let staged = match plain_name(path) {
                Some(plain) => {
                    let next = staging.numbers.len();
                    let number = staging.numbers.entry(folder_of(path).to_path_buf()).or_insert(next);
                    format!("{number}/{plain}")
                }
                None => format!("n/{}", staging.files.len()),
            };
            staging.files.push((path.clone(), staged));
        }
        staging
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn folders(&self) -> impl Iterator<Item = String> {
        self.numbers.values().map(ToString::to_string).chain(["n".to_owned()])
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .map(|(path, staged)| (path.as_path(), staged.as_str()))
    }

    /// Checks what arrived, and only then changes the tree.
    pub(super) fn script(&self, root: &[u8], tree: &LocalTree, plan: &UploadPlan) -> Script {
        let mut script = inside(root);
        script.push(format!("trap 'rm -rf -- {}' EXIT", self.name));
        script.push("trap 'exit 1' HUP INT TERM");
        self.check(&mut script, tree);
        script.batches("rm -f --", plan.clear_files.iter().map(|path| dotted(path)), None);
        script.batches("rm -rf --", plan.clear_folders.iter().map(|path| dotted(path)), None);
        script.batches("mkdir -p --", plan.folders.iter().map(|path| dotted(path)), None);
        self.place_files(&mut script);
        self.place_links(&mut script, tree, plan);
        script.batches("rm -f --", plan.remove_files.iter().map(|path| dotted(path)), None);
        script.batches("rmdir --", plan.remove_folders.iter().map(|path| dotted(path)), None);
        script
    }

    fn check(&self, script: &mut Script, tree: &LocalTree) {
        if self.files.is_empty() {
            return;
        }
        let name = &self.name;
        script.push(format!(
            "if ! ( cd -- {name} && sha256sum -c ) >{name}/sums 2>&1 <<'SUMS'"
        ));
        for (path, staged) in &self.files {
            if let Some(Entry::File { sha256, .. }) = tree.entries.get(path) {
                script.push(format!("{sha256}  {staged}"));
            }
        }
        script.push("SUMS");
        script.push("then echo 'what arrived is not what was read; did a file change meanwhile?' >&2");
        script.push(format!(
            "while read -r line; do case $line in *': OK') ;; *) echo \"$line\" >&2;; esac; done <{name}/sums"
        ));
        script.push("exit 1; fi");
    }

    fn place_files(&self, script: &mut Script) {
        let name = &self.name;
        let mut by_folder: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
        for (path, staged) in &self.files {
            if staged.starts_with("n/") {
                script.command("mv -f --", [format!("{name}/{staged}").into_bytes(), dotted(path)]);
            } else {
                by_folder
                    .entry(folder_of(path))
                    .or_default()
                    .push(format!("{name}/{staged}"));
            }
        }
        for (folder, staged) in by_folder {
            script.batches("mv -f --", staged, Some(&within(folder)));
        }
    }

    /// Links are made in the staging folder and moved, like files, by their names into their folders: `mv` onto a link to
    /// a folder would move into that folder.
    fn place_links(&self, script: &mut Script, tree: &LocalTree, plan: &UploadPlan) {
        let mut by_folder: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
        for path in &plan.links {
            by_folder.entry(folder_of(path)).or_default().push(path);
        }
        for (number, (folder, paths)) in by_folder.into_iter().enumerate() {
            let here = format!("{}/l{number}", self.name);
            script.command("mkdir --", [&here]);
            let mut staged = Vec::new();
            for path in paths {
                let (Some(Entry::Link { target }), Some(file_name)) = (tree.entries.get(path), path.file_name()) else {
                    continue;
                };
                let link = [here.as_bytes(), b"/", file_name.as_bytes()].concat();
                script.command("ln -s --", [target.as_bytes(), &link]);
                staged.push(link);
            }
            script.batches("mv -f --", staged, Some(&within(folder)));
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The folder with a slash at its end, so that nothing but a folder is taken for one.
fn within(folder: &Path) -> Vec<u8> {
    if folder.as_os_str().is_empty() {
        b"./".to_vec()
    } else {
        [&dotted(folder)[..], b"/"].concat()
    }
}

/// The file's name if tar, sha256sum and the shell all write it as it is.
fn plain_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@=,-".contains(&byte);
    (name.len() <= PLAIN_NAME_BYTES && !name.starts_with('-') && name.bytes().all(plain)).then_some(name)
}
