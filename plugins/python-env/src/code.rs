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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_page_and_each_page_a_code() {
        let codes = [
            NOT_FOUND,
            CONFLICT,
            HASH_MISMATCH,
            BUILD_FAILED,
            BAD_REQUIREMENT,
            LOCK_OUTDATED,
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
