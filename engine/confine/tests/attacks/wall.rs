//! What can stop an attack, by the name that the table gives it.

use tidegate_confine::Layer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wall {
    /// The root file system.
    Mounts,
    /// Each command's own `/proc`, read-only.
    Proc,
    /// What is hidden, read-only or private in the workspace, and how the engine opens files for a stage.
    View,
    UserNs,
    PidNs,
    NetNs,
    IpcNs,
    UtsNs,
    Capabilities,
    NoNewPrivs,
    Landlock,
    Seccomp,
    /// The engine decides where a granted destination leads.
    Forwards,
    /// Connections are made on the program's behalf.
    Gate,
    /// Sizes, rlimits.
    Limits,
    /// Nothing of the engine's environment is passed on.
    Environment,
    /// No descriptor of the engine is passed on.
    Descriptors,
    /// A command's first process lets nobody look into it.
    Undumpable,
}

impl Wall {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mounts => "mounts",
            Self::Proc => "own /proc",
            Self::View => "view",
            Self::UserNs => "user-ns",
            Self::PidNs => "pid-ns",
            Self::NetNs => "net-ns",
            Self::IpcNs => "ipc-ns",
            Self::UtsNs => "uts-ns",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivs => "no-new-privs",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Forwards => "forwards",
            Self::Gate => "gate",
            Self::Limits => "limits",
            Self::Environment => "environment",
            Self::Descriptors => "descriptors",
            Self::Undumpable => "undumpable",
        }
    }
}

/// One layer that a Cell starts without. The others can't be off alone: without the user namespace nothing else is made, without
/// `no_new_privs` neither Landlock nor the filter can be applied, and without the pid namespace the end of a command would be
/// the end of every process of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Off(Layer);

pub(crate) const OFF: [Off; 9] = [
    Off(Layer::Mounts),
    Off(Layer::Proc),
    Off(Layer::IpcNamespace),
    Off(Layer::UtsNamespace),
    Off(Layer::NetworkNamespace),
    Off(Layer::Capabilities),
    Off(Layer::Landlock),
    Off(Layer::SystemCalls),
    Off(Layer::Gate),
];

impl Off {
    #[cfg(debug_assertions)]
    pub(crate) fn change(self, spec: &mut tidegate_confine::CellSpec) {
        spec.layers = tidegate_confine::Layers::without(self.0);
    }

    /// The walls that are gone with it. The View is made of mounts, and what is forwarded is listened for in the network namespace.
    pub(crate) fn walls(self) -> &'static [Wall] {
        match self.0 {
            Layer::Mounts => &[Wall::Mounts, Wall::View],
            Layer::Proc => &[Wall::Proc],
            Layer::IpcNamespace => &[Wall::IpcNs],
            Layer::UtsNamespace => &[Wall::UtsNs],
            Layer::NetworkNamespace => &[Wall::NetNs, Wall::Forwards],
            Layer::Capabilities => &[Wall::Capabilities],
            Layer::Landlock => &[Wall::Landlock],
            Layer::SystemCalls => &[Wall::Seccomp],
            Layer::Gate => &[Wall::Gate],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.walls()[0].name()
    }
}
