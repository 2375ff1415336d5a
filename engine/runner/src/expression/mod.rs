//! `when` and `${…}`: CEL, by the `cel` crate.

mod expr;
mod scope;
mod template;
mod trouble;
mod value;

pub(crate) use expr::{Expr, ExpressionError};
pub(crate) use scope::Scope;
pub(crate) use template::Template;
