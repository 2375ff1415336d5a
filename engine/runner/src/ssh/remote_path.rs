//! A path on the other side, made safe to stand as an argument.

use tidegate_sandbox::SshError;

/// Relative paths start at the user's home folder. Nothing is expanded, a leading `~` neither.
pub(super) fn checked(remote: &str) -> Result<Vec<u8>, SshError> {
    if remote.is_empty() {
        return Err(SshError::Other("the remote path is empty".into()));
    }
    if remote.contains('\0') {
        return Err(SshError::Other("the remote path has a NUL byte".into()));
    }
    // So that no program takes it for an option.
    Ok(if remote.starts_with('-') {
        format!("./{remote}").into_bytes()
    } else {
        remote.as_bytes().to_vec()
    })
}

/// A name that nobody else has, for what is put beside its final place first.
pub(super) fn temporary() -> String {
    use std::hash::{BuildHasher, RandomState};
    // The standard library seeds each of these from the system's random numbers.
    format!("{}{:016x}", TEMPORARY, RandomState::new().hash_one(0))
}

/// How every such name starts.
pub(super) const TEMPORARY: &str = ".tidegate-upload-";
