//! SSH targets: connections, commands, files and uploads. Keys and host keys stay in here.

mod call;
mod codes;
mod connection;
mod endings;
mod exclude;
mod exec;
mod host;
mod host_keys;
mod host_names;
mod limits;
mod link_check;
mod local_tree;
mod mark;
mod private_key;
mod quote;
mod remote;
mod remote_file;
mod remote_path;
mod remote_tree;
mod running;
mod script;
mod session;
mod staging;
mod tar_header;
mod target;
mod trouble;
mod upload;
mod upload_plan;
mod upload_stream;

pub use codes::{code, codes};
pub use connection::Connection;
pub use endings::Endings;
pub use exclude::Exclude;
pub use host::{InvalidHost, SshHost};
pub use host_keys::{HostKeyPolicy, InvalidHostKeys};
pub use target::SshTarget;
