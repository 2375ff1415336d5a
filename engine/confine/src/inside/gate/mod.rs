//! The gate: system calls of a program that its command's first process answers, because no filter can look at what they point
//! to. Connections are made on the program's behalf, so that nothing can be exchanged between the look and the call.

mod address;
mod caller;
mod filter;
mod keeper;
mod listener;
mod listeners;
mod policy;
mod tcp_table;

pub(super) use filter::Filter;
pub(super) use keeper::Keeper;
pub(super) use policy::Policy;
