//! From files to the model.

mod app_config;
mod expr_reader;
mod files;
mod import_reader;
mod migration_reader;
mod nesting;
mod operation_reader;
mod project_reader;
mod scope;
mod source_text;

use expr_reader::ExprReader;
pub use files::{Files, FilesError};
use operation_reader::OperationReader;
pub(crate) use project_reader::is_own;
pub use project_reader::{ReadProject, read_project};
use scope::Scope;
pub use source_text::{EncodingError, SourceText};
