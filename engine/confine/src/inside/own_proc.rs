//! What a command's own `/proc` says of the whole machine, and not of the command's processes.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::mount::Tree;

/// Namespaces don't keep these apart. All but the keys are root's to read, and as root programs may have root's id; the keys'
/// names are those of the user.
const OF_THE_MACHINE: [&str; 9] = [
    "keys",
    "key-users",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "pagetypeinfo",
    "slabinfo",
    "timer_list",
    "vmallocinfo",
];

/// They read as empty. A kernel may lack any of them.
pub(super) fn cover() -> io::Result<()> {
    let empty = File::open("/dev/null")?;
    for name in OF_THE_MACHINE {
        let path = Path::new("/proc").join(name);
        match openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => Tree::clone_of(&empty)?.attach(file)?,
            Err(error) if io::Error::from(error).kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
