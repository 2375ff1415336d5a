//! What migration files say, typed and with lines: the part that checks build on.

mod app;
mod dependency;
mod expr;
mod field;
mod imports;
mod migration;
mod name;
mod operation;
mod project;

pub use app::{App, Label};
pub use dependency::{Dependency, Target};
pub use expr::{Call, Expr, Value};
pub use field::Field;
pub use imports::{Import, Imports};
pub use migration::{Function, Migration, Part, Replaced, Unread};
pub use name::Name;
pub use operation::{Operation, OperationKind};
pub use project::Project;
