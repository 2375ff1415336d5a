//! The layers of a Cell of which tests switch off one, to see what the others stop.

use serde::{Deserialize, Serialize};

/// One that a Cell still starts without.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    /// The root file system: without it programs see the host's.
    Mounts,
    /// Each command's own `/proc`: without it the host's.
    Proc,
    IpcNamespace,
    UtsNamespace,
    /// Without it programs have the host's network.
    NetworkNamespace,
    /// Without it programs have every capability in the Cell's user namespace.
    Capabilities,
    Landlock,
    SystemCalls,
    /// Without it programs connect by themselves.
    Gate,
}

/// All of them. Only a build for tests has a value that lacks one: the feature `layers-off`, which nothing but this crate's own
/// tests asks for, with debug assertions, which no release has.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layers {
    #[cfg(all(feature = "layers-off", debug_assertions))]
    off: Option<Layer>,
}

impl Layers {
    #[cfg(all(feature = "layers-off", debug_assertions))]
    pub fn without(layer: Layer) -> Self {
        Self { off: Some(layer) }
    }

    #[cfg(all(feature = "layers-off", debug_assertions))]
    pub(crate) fn has(self, layer: Layer) -> bool {
        self.off != Some(layer)
    }

    #[cfg(not(all(feature = "layers-off", debug_assertions)))]
    pub(crate) fn has(self, _: Layer) -> bool {
        true
    }
}
