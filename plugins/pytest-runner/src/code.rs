//! The codes of this stage's findings; each has a page in `explain/`.

/// A test's assertion or another exception in its body.
pub(crate) const FAILED: &str = "pytest/failed";
/// An exception in a fixture, or a worker of xdist that died.
pub(crate) const ERRORED: &str = "pytest/errored";
/// A test that is marked `xfail(strict=True)` and passed.
pub(crate) const UNEXPECTED_PASS: &str = "pytest/unexpected-pass";
/// A test file that can't be imported.
pub(crate) const COLLECTION: &str = "pytest/collection";
/// Settings or apps that keep Django from starting.
pub(crate) const DJANGO_START: &str = "pytest/django-start";
/// An exception in pytest itself or in one of its plugins.
pub(crate) const INTERNAL_ERROR: &str = "pytest/internal-error";
/// Less coverage than the project requires.
pub(crate) const COVERAGE: &str = "pytest/coverage";
