use super::{Call, Expr, Field};

/// One entry of a migration's `operations`.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub kind: OperationKind,
    pub line: u32,
}

/// Django's operations with their arguments. One whose arguments can't be known without running it is `Other`.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationKind {
    CreateModel {
        name: String,
        fields: Vec<(String, Field)>,
        options: Vec<(String, Expr)>,
        bases: Vec<Expr>,
        managers: Vec<Expr>,
    },
    DeleteModel {
        name: String,
    },
    RenameModel {
        old_name: String,
        new_name: String,
    },
    AlterModelTable {
        name: String,
        table: Expr,
    },
    AlterModelTableComment {
        name: String,
        comment: Expr,
    },
    AlterModelOptions {
        name: String,
        options: Vec<(String, Expr)>,
    },
    AlterModelManagers {
        name: String,
        managers: Vec<Expr>,
    },
    AlterUniqueTogether {
        name: String,
        unique_together: Expr,
    },
    AlterIndexTogether {
        name: String,
        index_together: Expr,
    },
    AlterOrderWithRespectTo {
        name: String,
        field: Expr,
    },
    AddField {
        model_name: String,
        name: String,
        field: Field,
        /// False if the field's default is only for the rows that exist. Default: true.
        preserve_default: bool,
    },
    RemoveField {
        model_name: String,
        name: String,
    },
    AlterField {
        model_name: String,
        name: String,
        field: Field,
        preserve_default: bool,
    },
    RenameField {
        model_name: String,
        old_name: String,
        new_name: String,
    },
    AddIndex {
        model_name: String,
        index: Expr,
        concurrently: bool,
    },
    RemoveIndex {
        model_name: String,
        name: String,
        concurrently: bool,
    },
    RenameIndex {
        model_name: String,
        new_name: String,
        old_name: Option<String>,
        old_fields: Option<Expr>,
    },
    AddConstraint {
        model_name: String,
        constraint: Expr,
        /// PostgreSQL's `NOT VALID`: old rows are not checked.
        not_valid: bool,
    },
    AlterConstraint {
        model_name: String,
        name: String,
        constraint: Expr,
    },
    RemoveConstraint {
        model_name: String,
        name: String,
    },
    ValidateConstraint {
        model_name: String,
        name: String,
    },
    RunPython {
        code: Expr,
        /// None if it can't be reversed.
        reverse: Option<Expr>,
        atomic: Option<bool>,
    },
    RunSql {
        sql: Expr,
        reverse: Option<Expr>,
        state_operations: Vec<Operation>,
    },
    SeparateDatabaseAndState {
        database: Vec<Operation>,
        state: Vec<Operation>,
    },
    /// A project's or a package's own operation.
    Custom(Box<Call>),
    /// Something whose meaning only shows when it runs, as source text.
    Unreadable(String),
}

impl Operation {
    /// The model that the operation changes, as written.
    pub fn model_name(&self) -> Option<&str> {
        use OperationKind::{
            AddConstraint, AddField, AddIndex, AlterConstraint, AlterField, AlterIndexTogether, AlterModelManagers,
            AlterModelOptions, AlterModelTable, AlterModelTableComment, AlterOrderWithRespectTo, AlterUniqueTogether,
            CreateModel, Custom, DeleteModel, RemoveConstraint, RemoveField, RemoveIndex, RenameField, RenameIndex,
            RenameModel, RunPython, RunSql, SeparateDatabaseAndState, Unreadable, ValidateConstraint,
        };
        match &self.kind {
            CreateModel { name, .. }
            | DeleteModel { name }
            | AlterModelTable { name, .. }
            | AlterModelTableComment { name, .. }
            | AlterModelOptions { name, .. }
            | AlterModelManagers { name, .. }
            | AlterUniqueTogether { name, .. }
            | AlterIndexTogether { name, .. }
            | AlterOrderWithRespectTo { name, .. } => Some(name),
            RenameModel { old_name, .. } => Some(old_name),
            AddField { model_name, .. }
            | RemoveField { model_name, .. }
            | AlterField { model_name, .. }
            | RenameField { model_name, .. }
            | AddIndex { model_name, .. }
            | RemoveIndex { model_name, .. }
            | RenameIndex { model_name, .. }
            | AddConstraint { model_name, .. }
            | AlterConstraint { model_name, .. }
            | RemoveConstraint { model_name, .. }
            | ValidateConstraint { model_name, .. } => Some(model_name),
            RunPython { .. } | RunSql { .. } | SeparateDatabaseAndState { .. } | Custom(_) | Unreadable(_) => None,
        }
    }
}
