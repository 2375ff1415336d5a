//! The standard stages, carried in the binary.

use tidegate_runner::{Catalog, StandardStage};

macro_rules! stages {
    ($($name:literal),* $(,)?) => {
        vec![$(StandardStage {
            name: $name,
            component: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm")),
        }),*]
    };
}

pub(crate) fn catalog() -> Catalog {
    Catalog::new(stages![
        "command",
        "deploy-ssh",
        "django-migrate-check",
        "pytest-runner",
        "python-env"
    ])
}
