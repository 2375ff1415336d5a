//! Whole deployments, against folders of this machine and its real shell.

mod deploy;
mod faults;
mod locking;
mod rig;
mod rollback;
mod survey;
