//! The sandbox with real components: the guest `behave` does what its config says, and WAT texts are what no compiler makes.

mod behaviours;
mod fake_broker;
mod interfaces;
mod limits;
mod loading;
mod outcomes;
mod probing;
mod records;
mod start;
