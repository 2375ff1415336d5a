//! Native programs, confined by the engine. There is no shell: a program and its arguments.

mod child;
mod command;
mod error;
mod exit;
mod tail;

pub use child::{Child, Stream, poll};
pub use command::{Command, Output, Sink};
pub use error::Error;
pub use exit::Exit;
pub use tail::Tail;
