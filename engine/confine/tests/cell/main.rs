//! Cells with real programs in them. Everything runs as the user who runs the tests; as root, `unprivileged.rs` also runs the
//! `confine` program as an ordinary user.
#![cfg(target_os = "linux")]

mod degraded;
mod degraded_machine;
mod end;
mod files;
mod gate;
mod helpers;
mod identity;
mod ids;
mod layout;
mod layouts;
mod limits;
mod machines;
mod network;
mod project;
mod python_files;
mod pythons;
mod spawn;
mod spec;
mod system_calls;
mod unconfined;
mod unprivileged;
mod view;
