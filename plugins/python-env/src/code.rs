//! The codes of this stage's findings; each has a page in `explain/`.

/// The index has no such package, or none that fits.
pub(crate) const NOT_FOUND: &str = "python-env/not-found";
/// Two requirements exclude each other.
pub(crate) const CONFLICT: &str = "python-env/conflict";
/// A downloaded file is not the one that the requirements name.
pub(crate) const HASH_MISMATCH: &str = "python-env/hash-mismatch";
/// A package had to be compiled, and that failed.
pub(crate) const BUILD_FAILED: &str = "python-env/build-failed";
/// A line of a requirements file that can't be read.
pub(crate) const BAD_REQUIREMENT: &str = "python-env/bad-requirement";
/// `uv.lock` does not fit `pyproject.toml`.
pub(crate) const LOCK_OUTDATED: &str = "python-env/lock-outdated";
