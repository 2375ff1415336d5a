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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each is read, hashed and mapped before it does anything.
    #[test]
    fn stages_without_a_parser_are_small() {
        let standard = catalog();
        let small = standard
            .standard()
            .iter()
            .filter(|stage| stage.name != "django-migrate-check");
        for stage in small {
            let bytes = stage.component.len();
            assert!(bytes < 400_000, "{} has {bytes} bytes", stage.name);
        }
    }
}
