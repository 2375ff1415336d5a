#![doc = include_str!("../README.md")]

pub mod config;
pub mod deploy;
pub mod duration;
pub mod engine_remote;
pub mod engine_world;
pub mod error;
pub mod fleet;
pub mod health;
pub mod instant;
pub mod inventory;
pub mod lock;
pub mod quoting;
pub mod remote;
pub mod rollback;
pub mod serving;
pub mod site;
mod stage;
pub mod survey;
pub mod switch;
pub mod world;
