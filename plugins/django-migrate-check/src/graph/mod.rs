//! The graph of migrations, built as `django.db.migrations.loader` builds it.

mod build;
mod circle;
mod migration_graph;

pub use migration_graph::{Edge, MigrationGraph, Node, NodeId};
