//! Why a component can't be used. Found before any of its code runs.

use crate::limits::{COMPILE_TIME, COMPONENT_BYTES, MIB};

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the component has {} MiB, the limit is {} MiB", bytes / MIB, COMPONENT_BYTES / MIB)]
    TooLarge { bytes: usize },
    #[error("the file is not WebAssembly")]
    NotWasm,
    #[error("the file is a core module, not a component")]
    CoreModule,
    #[error("the file is compiled code of an engine, not a component")]
    Precompiled,
    #[error("the component is malformed: {0}")]
    Malformed(String),
    #[error("the component imports what this engine does not have: {}", imports.join(", "))]
    UnknownImports { imports: Vec<String> },
    #[error("the component needs a newer engine for {}", imports.join(", "))]
    NewerImports { imports: Vec<String> },
    #[error("the component does not export `tidegate:stage/plugin`{}", found(exports))]
    MissingExport { exports: Vec<String> },
    #[error("the component does not fit the contract: {0}")]
    Mismatch(String),
    #[error("compiling the component took longer than {} s", COMPILE_TIME.as_secs())]
    CompileTimeout,
    #[error("the component can't be compiled: {0}")]
    Compile(String),
}

impl LoadError {
    /// Stable, with a page in [`crate::codes`].
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "component/too-large",
            Self::NotWasm => "component/not-wasm",
            Self::CoreModule => "component/core-module",
            Self::Precompiled => "component/precompiled",
            Self::Malformed(_) => "component/malformed",
            Self::UnknownImports { .. } => "component/unknown-import",
            Self::NewerImports { .. } => "component/newer-import",
            Self::MissingExport { .. } => "component/missing-export",
            Self::Mismatch(_) => "component/mismatch",
            Self::CompileTimeout => "component/compile-timeout",
            Self::Compile(_) => "component/compile",
        }
    }

    /// What to do next, in one line.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "build it with `opt-level = \"s\"` and strip its symbols",
            Self::NotWasm => "give the .wasm file that the build made, for Rust under target/wasm32-wasip2/release",
            Self::CoreModule => "build it with `--target wasm32-wasip2`, or run `wasm-tools component new` on it",
            Self::Precompiled => "give the .wasm file; compiled code is never accepted from outside",
            Self::Malformed(_) => "build it again; `wasm-tools validate` says more",
            Self::UnknownImports { .. } => "a stage may import `tidegate:stage` and WASI 0.2, nothing else",
            Self::NewerImports { .. } => "upgrade tidegate, or build the component against an older contract",
            Self::MissingExport { .. } => "export the interface `plugin` of the world `tidegate:stage/stage`",
            Self::Mismatch(_) => "build it against the contract in `wit/` of this release",
            Self::CompileTimeout => "build it with `opt-level = \"s\"`, or try on an idle machine",
            Self::Compile(_) => "build it without experimental WebAssembly features",
        }
    }
}

fn found(exports: &[String]) -> String {
    if exports.is_empty() {
        String::new()
    } else {
        format!("; it exports {}", exports.join(", "))
    }
}
