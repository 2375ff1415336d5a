//! The keys of each table. The reader takes them from here, and a test holds the JSON Schema to them.

use crate::foreign::{self, Foreign};

/// The keys that one table may have.
#[derive(Debug)]
pub(crate) struct Keys {
    /// In the order in which a message lists them.
    pub(crate) names: &'static [&'static str],
    pub(crate) foreign: &'static [Foreign],
}

pub(crate) const MANIFEST: Keys = Keys {
    names: &["pipeline", "vars", "plugins", "env", "grants", "targets", "stages"],
    foreign: foreign::MANIFEST,
};

pub(crate) const PIPELINE: Keys = Keys {
    names: &["name", "hide"],
    foreign: &[],
};

pub(crate) const STAGE: Keys = Keys {
    names: &["uses", "with", "needs", "when", "timeout", "stop-grace", "env", "grant"],
    foreign: foreign::STAGE,
};

pub(crate) const GRANT: Keys = Keys {
    names: &[
        "read",
        "write",
        "exec",
        "net",
        "env",
        "secrets",
        "ssh",
        "http",
        "source",
        "memory",
        "program-memory",
        "processes",
        "output",
    ],
    foreign: foreign::GRANT,
};

pub(crate) const NET: Keys = Keys {
    names: &["to", "private", "credentials"],
    foreign: &[],
};

pub(crate) const TARGET: Keys = Keys {
    names: &[
        "hosts",
        "key",
        "passphrase",
        "host-keys",
        "known-hosts",
        "connect-timeout",
        "keepalive",
    ],
    foreign: foreign::TARGET,
};

pub(crate) const USER_CONFIG: Keys = Keys {
    names: &["secrets"],
    foreign: &[],
};

pub(crate) const SECRET: Keys = Keys {
    names: &["env", "file"],
    foreign: foreign::SECRET,
};
