//! Open files and folders by their descriptors, so that nothing can be exchanged on the way to them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Entries, FileType, beneath, enterable, entries, reopen};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{Entries, FileType, beneath, enterable, entries, reopen};
