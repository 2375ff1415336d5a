//! A hostile corpus: what programs of a stage try against the machine, each with the layers that stop it. Every attack is made in
//! a Cell, where it must be stopped; without a Cell, where it must succeed, or it proves nothing; and in Cells that lack one
//! layer, where it succeeds only if no other layer stops it. `docs/attacks.md` is made from the same list.
#![cfg(target_os = "linux")]

mod arena;
mod attack;
mod bombs;
mod corpus;
mod ends;
mod feature;
mod files;
mod forwards;
mod inherited;
mod ipc;
mod kernel;
mod links;
mod masks;
mod namespaces;
mod numbers;
mod privileges;
mod proc;
mod processes;
mod races;
mod sockets;
mod table;
mod unix_sockets;
mod user;
mod wall;
