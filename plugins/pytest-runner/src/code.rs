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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_page_and_each_page_a_code() {
        let codes = [
            FAILED,
            ERRORED,
            UNEXPECTED_PASS,
            COLLECTION,
            DJANGO_START,
            INTERNAL_ERROR,
            COVERAGE,
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("explain");
        let mut pages: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|page| page.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        pages.sort();
        let mut names: Vec<&str> = codes.iter().map(|code| code.split_once('/').unwrap().1).collect();
        names.sort();
        assert_eq!(pages, names);
    }
}
