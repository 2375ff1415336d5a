//! HTTP requests of stages, to the origins that are granted and no others.

mod client;
mod codes;
mod failure;
mod limits;
mod origin;
mod resolver;

pub use client::HttpClient;
pub(crate) use client::tls_with as tls;
pub use codes::{code, codes};
pub use origin::{InvalidOrigin, Origin};
pub(crate) use resolver::CheckingResolver;
