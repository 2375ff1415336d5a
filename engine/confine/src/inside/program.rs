//! The last steps before a program: what the forked process gives up, then `exec`.

use std::convert::Infallible;
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::SigSet;
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::cgroup::Group;
use super::fork;
use super::rlimits::Rlimits;
use super::walls::Walls;
use crate::command::SpawnError;
use crate::layers::{Layer, Layers};
use crate::spec::Level;
use crate::wire::{self, CommandLine, Handover};

/// Gives up, for this process and all that it starts, what no program needs. The order matters: a bounding set can be emptied
/// only while there are capabilities. [`Walls`] come at the end, in the program's own process.
pub(super) fn give_up_privileges(level: Level, rlimits: Rlimits, layers: Layers) -> io::Result<()> {
    rlimits.apply(level)?;
    if level == Level::Unconfined {
        return Ok(());
    }
    if layers.has(Layer::Capabilities) {
        give_up_capabilities(level)?;
    } else {
        keep_capabilities()?;
    }
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

fn give_up_capabilities(level: Level) -> io::Result<()> {
    // By number: a newer kernel has capabilities without a name here.
    for number in 0..u64::BITS {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The first one that this kernel does not have.
            Err(rustix::io::Errno::INVAL) => break,
            // An ordinary user outside of a namespace: what could be gained from this set, `no_new_privs` keeps away.
            Err(rustix::io::Errno::PERM) if level == Level::Degraded => break,
            Err(error) => return Err(error.into()),
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}

/// Past `exec`, where a user id other than 0 loses all that are not ambient.
fn keep_capabilities() -> io::Result<()> {
    let permitted = rustix::thread::capabilities(None)?.permitted;
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: permitted,
            permitted,
            inheritable: permitted,
        },
    )?;
    for capability in permitted.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// Becomes the program. Returns only when that fails.
pub(super) fn become_program(
    command: &CommandLine,
    stdio: &[OwnedFd; 3],
    group: Option<&Group>,
    walls: &Walls,
    handover: &UnixStream,
) -> SpawnError {
    match prepare(command, stdio, group, walls, handover).and_then(|()| execute(command)) {
        Err(error) => error,
    }
}

/// `execve`, not `execvp`: that one gives a file without `#!` to a shell.
fn execute(command: &CommandLine) -> Result<Infallible, SpawnError> {
    let no_nul = |text: &[u8]| {
        CString::new(text).map_err(|_| {
            SpawnError::Failed("a program's name, arguments and environment can't hold a zero byte".to_owned())
        })
    };
    let program = no_nul(command.program.as_os_str().as_bytes())?;
    let mut args = vec![program.clone()];
    for argument in &command.args {
        args.push(no_nul(argument.as_bytes())?);
    }
    let mut env = Vec::with_capacity(command.env.len());
    for (name, value) in &command.env {
        env.push(no_nul(&[name.as_bytes(), b"=", value.as_bytes()].concat())?);
    }
    let Err(error) = nix::unistd::execve(&program, &args, &env);
    Err(not_executed(&command.program, &error.into()))
}

fn prepare(
    command: &CommandLine,
    stdio: &[OwnedFd; 3],
    group: Option<&Group>,
    walls: &Walls,
    handover: &UnixStream,
) -> Result<(), SpawnError> {
    if !command.program.is_absolute() {
        return Err(SpawnError::NotFound(command.program.clone()));
    }
    let bad_cwd = |reason: String| SpawnError::BadCwd {
        cwd: command.cwd.clone(),
        reason,
    };
    if !command.cwd.is_absolute() {
        return Err(bad_cwd("it is not an absolute path".to_owned()));
    }
    rustix::process::chdir(&command.cwd).map_err(|error| bad_cwd(io::Error::from(error).to_string()))?;
    let failed = |error: io::Error| SpawnError::Failed(format!("can't prepare the program's process: {error}"));
    if let Some(group) = group {
        group.enter().map_err(failed)?;
    }
    rustix::process::setsid().map_err(|error| failed(error.into()))?;
    let [stdin, stdout, stderr] = stdio.each_ref().map(|descriptor| {
        if is_null(descriptor) {
            open_null()
        } else {
            descriptor.try_clone()
        }
    });
    let (stdin, stdout, stderr) = (stdin.map_err(failed)?, stdout.map_err(failed)?, stderr.map_err(failed)?);
    rustix::stdio::dup2_stdin(stdin).map_err(|error| failed(error.into()))?;
    rustix::stdio::dup2_stdout(stdout).map_err(|error| failed(error.into()))?;
    rustix::stdio::dup2_stderr(stderr).map_err(|error| failed(error.into()))?;
    fork::close_others_on_exec().map_err(failed)?;
    fork::reset_broken_pipe();
    SigSet::empty()
        .thread_set_mask()
        .map_err(|error| failed(error.into()))?;
    if let Some(listener) = walls.close().map_err(failed)? {
        wire::send(handover, &Handover::Gate, &[listener.as_fd()]).map_err(failed)?;
    }
    Ok(())
}

/// The engine opened the host's, on a mount where its owner, as which root's programs run, may change its mode.
fn is_null(descriptor: &OwnedFd) -> bool {
    let null = rustix::fs::makedev(1, 3);
    rustix::fs::fstat(descriptor)
        .is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_char_device() && found.st_rdev == null)
}

fn open_null() -> io::Result<OwnedFd> {
    Ok(std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?
        .into())
}

fn not_executed(program: &Path, error: &io::Error) -> SpawnError {
    let not_executable = |reason: String| SpawnError::NotExecutable {
        program: program.to_owned(),
        reason,
    };
    match error.kind() {
        // The kernel gives the same answer when the file is there and its interpreter is not.
        ErrorKind::NotFound if program.is_file() => {
            not_executable("the interpreter or loader that it names does not exist inside the cell".to_owned())
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => SpawnError::NotFound(program.to_owned()),
        ErrorKind::PermissionDenied | ErrorKind::ExecutableFileBusy => not_executable(error.to_string()),
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            not_executable("it is neither a program of this machine nor a script with a `#!` line".to_owned())
        }
        _ => SpawnError::Failed(format!("can't execute `{}`: {error}", program.display())),
    }
}
