//! What an observer of a Cell's network is told.

/// Called from threads of the Cell, for a short time: it holds up the connections of programs.
#[cfg(target_os = "linux")]
pub(crate) type Observer = std::sync::Arc<dyn Fn(Connection) + Send + Sync>;

/// One attempt of a program to reach something, at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// `host:port` as the program named it; a name alone where it was looked up and not granted.
    pub to: String,
    pub end: ConnectionEnd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Bytes from and to the program.
    Closed { sent: u64, received: u64 },
    /// It is granted and could not be reached, or may not be: why.
    Failed(String),
    /// Nothing that is granted.
    Denied,
}
