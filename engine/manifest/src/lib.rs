//! The pipeline manifest: text to [`Manifest`], with spans and diagnostics. Knows nothing of WebAssembly, files or the clock.

mod byte_size;
mod code;
mod diagnostic;
mod duration;
mod foreign;
mod host_key;
mod host_name;
mod host_spec;
mod keys;
mod manifest;
mod name;
mod net_grant;
mod origin;
mod read;
mod render;
mod schema;
mod source;
mod span;
mod stage_name;
mod suggest;
mod user_config;

pub use byte_size::{ByteSize, InvalidByteSize};
pub use code::codes;
pub use diagnostic::{Code, Diagnostic, Severity};
pub use duration::{InvalidDuration, parse_duration};
pub use host_spec::{HostSpec, InvalidHostSpec};
pub use manifest::{Config, Grants, HostKeys, Manifest, Stage, Target};
pub use net_grant::{InvalidNetGrant, NetGrant};
pub use read::{Parsed, parse, parse_in_part, parse_user_config};
pub use render::{Style, render};
pub use schema::json_schema;
pub use source::Source;
pub use span::{Span, Spanned};
pub use stage_name::{InvalidStageName, StageName};
pub use suggest::suggest;
pub use user_config::{SecretSource, UserConfig};
