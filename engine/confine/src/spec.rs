//! What one Cell and its View are made from.

use std::collections::BTreeMap;
#[cfg(target_os = "linux")]
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::layers::Layers;
use crate::network::Destination;
use crate::program_limits::ProgramLimits;

/// All that a stage attempt may see and touch. `CellSpec::new` gives the least: the workspace to read, scratch to write,
/// no network, the full level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellSpec {
    /// Absolute; the same path inside and outside.
    pub workspace: PathBuf,
    /// gitignore-style patterns, relative to the workspace, that are hidden besides `.git`, `.tidegate`, `.env` and `.env.*`
    /// (without `*.example`), which are always hidden, at any depth.
    pub hide: Vec<String>,
    /// Files or folders relative to the workspace that nobody may change, also not under a `write` folder. Missing ones are
    /// skipped: there is nothing to protect.
    pub read_only: Vec<PathBuf>,
    /// Folders relative to the workspace whose changes persist; `.` is the whole of it. Created when missing. No part of the
    /// path may be a link.
    pub write: Vec<PathBuf>,
    /// Absolute paths outside the workspace, read-only. Must exist.
    pub read: Vec<PathBuf>,
    /// Absolute paths of installations that programs need, read-only. Must exist. Programs see them; the View does not.
    pub toolchains: Vec<PathBuf>,
    /// Links that are made for programs, absolute path to absolute target: other names of what they see. One where something else is
    /// shown is left out. Below the full level the machine's own are there, and none is made.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// Absolute paths of files, folders and sockets that programs see as well, read-only. Must exist. The View does not.
    pub for_programs: Vec<PathBuf>,
    /// Small synthetic files: absolute path to content. `/etc/hosts` is appended to, every other one replaces.
    pub extra_files: BTreeMap<PathBuf, String>,
    /// Absolute; an existing folder of the host, read-write, the same path inside and outside.
    pub scratch: PathBuf,
    /// Where programs may connect to. Empty: a loopback interface of their own and nothing else.
    pub network: Vec<Destination>,
    /// Only at `Level::Degraded`, and beside those that `network` leads to: where connections really lead. All others are refused
    /// there, except to what the programs themselves listen at.
    pub redirects: Vec<Redirect>,
    pub level: Level,
    pub limits: ProgramLimits,
    #[doc(hidden)]
    pub layers: Layers,
}

/// One address that programs may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// As a program names it.
    pub from: SocketAddr,
    /// How many of its address's first bits count; 32 or 128 for this one alone.
    pub bits: u8,
    /// What it is connected to instead.
    pub to: SocketAddr,
}

impl Redirect {
    #[cfg(target_os = "linux")]
    pub(crate) fn covers(&self, asked: SocketAddr) -> bool {
        let same = match (self.from.ip(), asked.ip()) {
            (IpAddr::V4(from), IpAddr::V4(asked)) => {
                let differ = from.to_bits() ^ asked.to_bits();
                differ.leading_zeros() >= self.bits.into()
            }
            (from, asked) => from == asked,
        };
        same && self.from.port() == asked.port()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Namespaces, a file system of its own, no capabilities.
    #[default]
    Full,
    /// For machines that deny namespaces: programs run among the others of the host and see its file system, of which they can
    /// open only what the specification names. Needs Landlock 6 (Linux 6.12). Nothing is written to an overlay: writing outside
    /// of `write` and scratch is an error, and so is opening what is hidden. `extra_files` are not there.
    Degraded,
    /// No confinement: programs run as the user, with everything that the user can reach. The View is the plain folder,
    /// nothing is hidden. Only the end is the same: all processes are gone.
    Unconfined,
}

impl CellSpec {
    pub fn new(workspace: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            hide: Vec::new(),
            read_only: Vec::new(),
            write: Vec::new(),
            read: Vec::new(),
            toolchains: Vec::new(),
            links: BTreeMap::new(),
            for_programs: Vec::new(),
            extra_files: BTreeMap::new(),
            scratch: scratch.into(),
            network: Vec::new(),
            redirects: Vec::new(),
            level: Level::default(),
            layers: Layers::default(),
            limits: ProgramLimits::default(),
        }
    }

    /// The programs' home folder, in scratch. It exists once the Cell has started.
    pub fn home(&self) -> PathBuf {
        self.scratch.join("home")
    }

    /// The variables of the synthetic identity: HOME, USER, LOGNAME, TMPDIR, LANG and PATH, at the degraded level
    /// RES_OPTIONS too. `bin` folders of toolchains come
    /// before the system's.
    pub fn identity(&self) -> Vec<(String, String)> {
        let toolchains = self.toolchains.iter().map(|toolchain| toolchain.join("bin"));
        let path: Vec<String> = toolchains
            .chain(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from))
            .map(|folder| folder.display().to_string())
            .collect();
        let pairs = [
            ("HOME", self.home().display().to_string()),
            ("USER", "tidegate".to_owned()),
            ("LOGNAME", "tidegate".to_owned()),
            ("TMPDIR", self.temp().display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            ("PATH", path.join(":")),
        ];
        // No filter sees where a datagram goes, so there are none at this level, and names are asked for over TCP.
        let resolver = (self.level == Level::Degraded).then(|| ("RES_OPTIONS", "use-vc".to_owned()));
        pairs
            .into_iter()
            .chain(resolver)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    pub(crate) fn temp(&self) -> PathBuf {
        self.scratch.join("tmp")
    }

    /// True when all of the workspace is real, so that no overlay is needed.
    pub(crate) fn writes_everywhere(&self) -> bool {
        self.write.iter().any(|folder| is_whole(folder))
    }
}

/// `.`, `./` and the empty path mean the workspace itself.
pub(crate) fn is_whole(folder: &Path) -> bool {
    folder.components().all(|part| part == std::path::Component::CurDir)
}
