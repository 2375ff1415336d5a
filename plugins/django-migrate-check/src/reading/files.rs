use thiserror::Error;

/// Where the source comes from: the contract's `files`, or a folder in tests.
pub trait Files {
    /// Paths relative to the workspace, sorted, hidden and ignored files left out.
    ///
    /// # Errors
    /// If the workspace can't be listed.
    fn glob(&self, patterns: &[String]) -> Result<Vec<String>, FilesError>;

    /// # Errors
    /// If there is no such file, or it can't be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError>;
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FilesError(pub String);
