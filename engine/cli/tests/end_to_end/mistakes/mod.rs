//! Mistakes that only the runner can find: the whole of what `tidegate check` says.

mod config;
mod expression;
mod grant;
mod plugin;
mod together;
