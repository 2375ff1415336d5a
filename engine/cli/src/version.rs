//! What `--version` says.

/// The wasmtime release is what decides whether an advisory applies.
pub(crate) const LONG: &str = concat!(env!("CARGO_PKG_VERSION"), " (wasmtime ", env!("TIDEGATE_WASMTIME"), ")");
