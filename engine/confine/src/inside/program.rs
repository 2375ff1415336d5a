//! The last steps before a program: what the forked process gives up, then `exec`.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::fork;
use crate::command::SpawnError;
use crate::spec::Level;
use crate::wire::CommandLine;

/// Gives up, for this process and all that it starts, what no program needs. The order matters: a bounding set can be emptied
/// only while there are capabilities. Landlock and seccomp rules belong at the end.
pub(super) fn give_up_privileges(level: Level) -> io::Result<()> {
    rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    if level == Level::Unconfined {
        return Ok(());
    }
    // By number: a newer kernel has capabilities without a name here.
    for number in 0..u64::BITS {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The first one that this kernel does not have.
            Err(rustix::io::Errno::INVAL) => break,
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
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

/// Becomes the program. Returns only when that fails.
pub(super) fn become_program(command: &CommandLine, stdio: &[OwnedFd; 3]) -> SpawnError {
    match prepare(command, stdio) {
        Ok(()) => {}
        Err(error) => return error,
    }
    let error = std::process::Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .exec();
    not_executed(&command.program, &error)
}

fn prepare(command: &CommandLine, stdio: &[OwnedFd; 3]) -> Result<(), SpawnError> {
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
    rustix::process::setsid().map_err(|error| failed(error.into()))?;
    let [stdin, stdout, stderr] = stdio;
    rustix::stdio::dup2_stdin(stdin).map_err(|error| failed(error.into()))?;
    rustix::stdio::dup2_stdout(stdout).map_err(|error| failed(error.into()))?;
    rustix::stdio::dup2_stderr(stderr).map_err(|error| failed(error.into()))?;
    fork::close_others_on_exec().map_err(failed)
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
