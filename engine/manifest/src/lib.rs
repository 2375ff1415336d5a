//! The pipeline manifest: text to [`Manifest`], with spans and diagnostics. Knows nothing of WebAssembly, files or the clock.

mod byte_size;
mod diagnostic;
mod manifest;
mod span;
mod stage_name;

pub use byte_size::ByteSize;
pub use diagnostic::{Code, Diagnostic, Severity};
pub use manifest::{Config, Grants, HostKeys, Manifest, NetGrant, Stage, Target};
pub use span::{Span, Spanned};
pub use stage_name::StageName;
