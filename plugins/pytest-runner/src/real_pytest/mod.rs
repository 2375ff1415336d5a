//! Runs the Python side under real pytests, and judges what it tells.

mod outcomes;
mod ran;
mod refusals;
