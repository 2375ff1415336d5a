//! How events and plans look.

mod annotations;
mod bottom_line;
mod duration;
mod hang;
mod human;
mod json_lines;
mod live_line;
mod palette;
mod plan_text;
mod summary;

pub(crate) use annotations::Annotations;
pub(crate) use duration::duration;
pub(crate) use hang::hang;
pub(crate) use human::Human;
pub(crate) use json_lines::JsonLines;
pub(crate) use palette::{BOLD, CYAN, GREEN, RED, RESET, YELLOW, mark, outcome_style};
pub(crate) use plan_text::plan_text;
pub(crate) use summary::counted;
