//! What the tests of the whole program stand on: a throw-away project, and what the program says in it.

mod probe;
mod project;
mod ran;
mod running;

pub(crate) use project::Project;
pub(crate) use ran::Ran;
