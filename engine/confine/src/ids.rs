//! Whose id programs have for the kernel.

use serde::{Deserialize, Serialize};

/// Inside, programs are always user and group 1000. This is what that means on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ids {
    /// A user and group id that belongs to nobody else, and to this Cell alone. Only a root engine can give one.
    Own(u32),
    /// The engine's user, who is not root and has no other.
    Engine,
    /// The engine's user, who is root and could not give another.
    Root { why: String },
}
