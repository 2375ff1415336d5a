//! The standard stage `django-migrate-check`: what is wrong with a Django project's migrations.
//!
//! ```toml
//! [stages.migrations]
//! uses = "django-migrate-check"
//! grant = { exec = { python = ".venv/bin/python" } }
//! ```
//!
//! Without the grant it reads the migration files and checks their graph. With it, it also asks Django whether the models
//! have changes that no migration has.

pub mod checks;
pub mod config;
pub mod drift;
pub mod finding;
pub mod graph;
mod listing;
pub mod model;
pub mod project_root;
pub mod reading;
pub mod report;
pub mod selection;
mod stage;

use stage::DjangoMigrateCheck;

tidegate_sdk::export_stage!(DjangoMigrateCheck);
