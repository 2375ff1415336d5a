//! The standard stage `command`: runs one granted program.
//!
//! ```toml
//! [stages.static]
//! uses = "command"
//! with = { program = "python", args = ["manage.py", "collectstatic", "--noinput"] }
//! grant = { exec = { python = ".venv/bin/python" }, write = ["staticfiles"] }
//! ```
//!
//! There is no shell: `program` is a name that the grant binds, and each of `args` is one argument.

mod config;
mod stage;

use stage::Command;

tidegate_sdk::export_stage!(Command);
