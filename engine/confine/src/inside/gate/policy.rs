//! Where programs may connect to.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2, stat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};

use super::address::{Address, plain};
use super::caller::{self, Caller};
use super::listeners::{self, Owner};
use crate::inside::grants::Inode;
use crate::inside::sources::without_dots;
use crate::network::{Layout, is_denied};
use crate::spec::{CellSpec, Redirect};

/// Made once for a Cell.
#[derive(Debug, Clone)]
pub(in crate::inside) struct Policy {
    reach: Reach,
    /// Below these folders all sockets are the programs' own...
    own: Vec<PathBuf>,
    /// ...but not below these.
    others: Vec<PathBuf>,
    /// Sockets of the host that the specification names.
    sockets: BTreeSet<Inode>,
    /// Folders that may be listed and have no rule for it.
    listed: BTreeSet<Inode>,
    /// Whether the socket of a program can be had.
    pub(super) shares: bool,
}

#[derive(Debug, Clone)]
enum Reach {
    /// A network namespace, which leads nowhere else: what is asked for is what is connected to.
    Loopback {
        /// Addresses that it has beside the usual ones.
        foreign: Vec<IpAddr>,
    },
    /// The host's network.
    Redirected {
        redirects: Vec<Redirect>,
        /// What descends from this process belongs to the Cell.
        supervisor: i32,
    },
}

pub(super) enum Verdict {
    Connect(Target),
    /// With the error that the program gets.
    Refuse(Errno),
    /// The same, but nothing was kept from it.
    Nothing(Errno),
}

#[derive(Debug)]
pub(super) enum Target {
    Internet {
        address: SocketAddr,
        /// What the program asked for, when it is connected to something else.
        redirected: Option<SocketAddr>,
    },
    /// A socket's file, as an O_PATH descriptor: its name may become another one's.
    File(OwnedFd),
    Abstract(Vec<u8>),
    /// The end of a connection.
    Nothing,
}

impl Policy {
    pub(in crate::inside) fn behind_mounts(spec: &CellSpec) -> io::Result<Self> {
        let mut own = vec!["/tmp".into(), "/dev/shm".into(), spec.scratch.clone()];
        if !spec.writes_everywhere() {
            // No socket of the host can be connected to through an overlay.
            own.push(spec.workspace.clone());
        }
        Ok(Self {
            reach: Reach::Loopback {
                foreign: Layout::new(&spec.network).foreign,
            },
            own,
            // What is granted to be read, written or run is not granted to be connected to, wherever it lies.
            others: spec
                .write
                .iter()
                .map(|folder| spec.workspace.join(without_dots(folder)))
                .chain(
                    [&spec.read, &spec.toolchains, &spec.for_programs]
                        .into_iter()
                        .flatten()
                        .cloned(),
                )
                .collect(),
            sockets: sockets(spec)?,
            listed: BTreeSet::new(),
            shares: caller::can_share(),
        })
    }

    /// At the degraded level; the calling process is the supervisor.
    pub(in crate::inside) fn without_mounts(spec: &CellSpec, listed: BTreeSet<Inode>) -> io::Result<Self> {
        Ok(Self {
            reach: Reach::Redirected {
                redirects: spec.redirects.clone(),
                supervisor: std::process::id().cast_signed(),
            },
            own: vec![spec.scratch.canonicalize()?],
            others: Vec::new(),
            sockets: sockets(spec)?,
            listed,
            shares: caller::can_share(),
        })
    }

    /// Folders, when they are opened.
    pub(super) fn lists(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Who else can connect to a program. Nothing is known of sockets that can't be had.
    pub(super) fn keeps_listeners(&self) -> bool {
        self.shares && matches!(self.reach, Reach::Redirected { .. })
    }

    /// Whether the kernel may decide about the internet addresses of a socket that can't be had.
    pub(super) fn trusts_the_network(&self) -> bool {
        matches!(self.reach, Reach::Loopback { .. })
    }

    /// An address that leads nowhere, so that a program which asks for it misses a grant.
    pub(super) fn is_outside(&self, address: &Address) -> bool {
        let Address::Internet(asked) = address else {
            return false;
        };
        let ip = asked.ip().to_canonical();
        let is_elsewhere = match &self.reach {
            Reach::Loopback { foreign } => !(ip.is_loopback() || ip.is_unspecified() || foreign.contains(&ip)),
            // Refused, and noted then.
            Reach::Redirected { .. } => false,
        };
        is_denied(ip) || is_elsewhere
    }

    /// A loopback that only programs of this Cell listen at: when nobody is there, one of the machine's may be meant.
    pub(super) fn has_own_loopback(&self, address: &Address) -> bool {
        let is_loopback = matches!(address, Address::Internet(asked) if asked.ip().to_canonical().is_loopback());
        is_loopback && matches!(self.reach, Reach::Loopback { .. })
    }

    pub(super) fn judge(&self, address: &Address, caller: &Caller) -> Verdict {
        match address {
            Address::Internet(address) => self.judge_internet(*address),
            Address::Path(path) => match open_as_seen(caller, libc::AT_FDCWD, path, OFlags::empty()) {
                Ok(file) if self.allows_file(&file) => Verdict::Connect(Target::File(file)),
                Ok(_) => Verdict::Refuse(Errno::ACCESS),
                Err(error) => Verdict::Nothing(error),
            },
            Address::Abstract(name) => match &self.reach {
                Reach::Loopback { .. } => Verdict::Connect(Target::Abstract(name.clone())),
                Reach::Redirected { supervisor, .. } => match listeners::of_name(name, *supervisor) {
                    Owner::Own => Verdict::Connect(Target::Abstract(name.clone())),
                    Owner::Others => Verdict::Refuse(Errno::PERM),
                    Owner::Nobody => Verdict::Nothing(Errno::CONNREFUSED),
                },
            },
            Address::Nothing => Verdict::Connect(Target::Nothing),
        }
    }

    fn judge_internet(&self, asked: SocketAddr) -> Verdict {
        let connect = |to, redirected| {
            let address = like(asked, to);
            Verdict::Connect(Target::Internet { address, redirected })
        };
        let to = plain(asked);
        let Reach::Redirected { redirects, supervisor } = &self.reach else {
            return Verdict::Connect(Target::Internet {
                address: asked,
                redirected: None,
            });
        };
        if let Some(redirect) = redirects.iter().find(|redirect| redirect.covers(to)) {
            return connect(redirect.to, Some(to));
        }
        if !to.ip().is_loopback() {
            return Verdict::Refuse(Errno::ACCESS);
        }
        match listeners::of_port(to, *supervisor) {
            Owner::Own => connect(to, None),
            // As if nobody was there, which is what a program sees that has a loopback of its own.
            Owner::Others => Verdict::Refuse(Errno::CONNREFUSED),
            Owner::Nobody => Verdict::Nothing(Errno::CONNREFUSED),
        }
    }

    fn allows_file(&self, file: &OwnedFd) -> bool {
        let below = |folders: &[PathBuf], path: &Path| folders.iter().any(|folder| path.starts_with(folder));
        let own = std::fs::read_link(by_descriptor(file))
            .is_ok_and(|path| below(&self.own, &path) && !below(&self.others, &path));
        own || inode(file).is_some_and(|inode| self.sockets.contains(&inode))
    }

    /// A folder that the caller may list, opened for it.
    pub(super) fn open_listed(&self, caller: &Caller, from: i32, path: &[u8], flags: OFlags) -> Option<OwnedFd> {
        let folder = open_as_seen(caller, from, path, flags | OFlags::DIRECTORY).ok()?;
        if !self.listed.contains(&inode(&folder)?) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(by_descriptor(&folder), flags, Mode::empty()).ok()
    }
}

impl Target {
    pub(super) fn connect(&self, socket: &OwnedFd) -> Result<(), Errno> {
        match self {
            Self::Internet { address, .. } => rustix::net::connect(socket, address),
            Self::File(file) => rustix::net::connect(socket, &SocketAddrUnix::new(by_descriptor(file))?),
            Self::Abstract(name) => rustix::net::connect(socket, &SocketAddrUnix::new_abstract_name(name)?),
            Self::Nothing => rustix::net::connect_unspec(socket),
        }
    }

    /// The family of a new socket for it.
    pub(super) fn family(&self) -> Option<AddressFamily> {
        match self {
            Self::Internet { address, .. } if address.is_ipv4() => Some(AddressFamily::INET),
            Self::Internet { .. } => Some(AddressFamily::INET6),
            Self::File(_) | Self::Abstract(_) => Some(AddressFamily::UNIX),
            Self::Nothing => None,
        }
    }
}

fn sockets(spec: &CellSpec) -> io::Result<BTreeSet<Inode>> {
    let mut sockets = BTreeSet::new();
    for path in &spec.for_programs {
        let found = stat(path)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Socket {
            sockets.insert((found.st_dev, found.st_ino));
        }
    }
    Ok(sockets)
}

/// What a path means to the caller: its root is ours, since none can change it. Links of /proc mean other things to it than to
/// us, so they lead nowhere.
fn open_as_seen(caller: &Caller, from: i32, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    let open =
        |folder: std::os::fd::BorrowedFd<'_>| openat2(folder, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS);
    if path.starts_with(b"/") {
        open(CWD)
    } else {
        open(std::os::fd::AsFd::as_fd(&caller.folder(from)?))
    }
}

/// An IPv6 socket takes an address of IPv4 only in its own form.
fn like(asked: SocketAddr, to: SocketAddr) -> SocketAddr {
    match (asked, to.ip()) {
        (SocketAddr::V6(_), std::net::IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
        _ => to,
    }
}

fn inode(opened: &OwnedFd) -> Option<Inode> {
    fstat(opened).ok().map(|found| (found.st_dev, found.st_ino))
}

fn by_descriptor(descriptor: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}
