use std::collections::BTreeMap;

use super::{Dependency, Expr, Imports, Operation};

/// A migration file: its class `Migration`, and what of the module around it a check may want to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// The file's name without `.py`: what dependencies speak of.
    pub name: String,
    /// Relative to the workspace.
    pub path: String,
    /// Of `class Migration`.
    pub line: u32,
    pub dependencies: Vec<Dependency>,
    pub run_before: Vec<Dependency>,
    pub replaces: Vec<Replaced>,
    /// None if the class doesn't say; Django then takes a migration without parents in its app for initial.
    pub initial: Option<bool>,
    /// Default: true. An expression that isn't True or False counts as true, and is in `unread`.
    pub atomic: bool,
    pub operations: Vec<Operation>,
    /// Top-level functions, which `RunPython` names.
    pub functions: Vec<Function>,
    /// Top-level names and names of the class with a value that is neither a function nor a class.
    pub constants: BTreeMap<String, Expr>,
    pub imports: Imports,
    /// Parts that only show when the file runs.
    pub unread: Vec<Unread>,
}

/// A migration that a squashed one stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    pub app: String,
    pub name: String,
    pub line: u32,
}

/// A top-level function of a migration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub parameters: Vec<String>,
    pub line: u32,
    /// From `def` (or its first decorator) to the end of the body.
    pub source: String,
}

/// A part of a migration that can't be known without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub part: Part,
    /// The source text.
    pub source: String,
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Dependencies,
    RunBefore,
    Replaces,
    Operations,
    Atomic,
}

impl Part {
    /// The attribute's name in Python.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Dependencies => "dependencies",
            Self::RunBefore => "run_before",
            Self::Replaces => "replaces",
            Self::Operations => "operations",
            Self::Atomic => "atomic",
        }
    }
}

impl Migration {
    /// The leading number of the name: 7 for `0007_add_price`.
    pub fn number(&self) -> Option<u32> {
        let digits = self.name.split('_').next()?;
        digits.parse().ok()
    }

    /// The value behind a name of the file, for `RunSQL(SQL)`; the expression itself if it is no such name.
    pub fn value_of<'a>(&'a self, expr: &'a Expr) -> &'a Expr {
        expr.as_name()
            .and_then(|name| self.constants.get(&name.written))
            .unwrap_or(expr)
    }

    /// True if the place of the migration in the graph is known in full.
    pub fn is_placed(&self) -> bool {
        !self
            .unread
            .iter()
            .any(|unread| matches!(unread.part, Part::Dependencies | Part::RunBefore | Part::Replaces))
    }
}
