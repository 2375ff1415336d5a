use std::cell::Cell;
use std::collections::HashMap;

use ruff_python_ast::{self as ast, Expr as Ast, Stmt};
use ruff_text_size::Ranged;

/// How often a name may lead to another one. More is a circle.
const MAX_LOOKUPS: usize = 8;

/// How much text all names of a file may lead to, all in all. Names that hold names multiply; what people write stays below
/// the size of a file.
const MAX_FOLLOWED_BYTES: usize = 4 * 1024 * 1024;

/// The names that a file and its class assign exactly once, so that their value is certain.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    followed_bytes: Cell<usize>,
    /// None: assigned more than once, or under a condition.
    assigned: HashMap<&'a str, Option<&'a Ast>>,
}

/// The members of a list that an expression makes.
pub(super) struct Members<'a> {
    pub(super) known: Vec<&'a Ast>,
    /// Parts that only show when the file runs.
    pub(super) unknown: Vec<&'a Ast>,
}

impl<'a> Scope<'a> {
    /// Adds the assignments of a file's or a class's body.
    pub(super) fn add(&mut self, body: &'a [Stmt]) {
        for statement in body {
            match statement {
                Stmt::Assign(assign) => {
                    for target in &assign.targets {
                        self.assign(target, Some(&assign.value));
                    }
                }
                Stmt::AnnAssign(ast::StmtAnnAssign {
                    target,
                    value: Some(value),
                    ..
                }) => {
                    self.assign(target, Some(value));
                }
                Stmt::AugAssign(assign) => self.assign(&assign.target, None),
                Stmt::If(conditional) => {
                    self.forget(&conditional.body);
                    for clause in &conditional.elif_else_clauses {
                        self.forget(&clause.body);
                    }
                }
                Stmt::Try(attempt) => {
                    self.forget(&attempt.body);
                    for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                        self.forget(&handler.body);
                    }
                }
                Stmt::For(repeated) => self.forget(&repeated.body),
                _ => {}
            }
        }
    }

    /// The value of a name, if it is certain.
    pub(super) fn value(&self, name: &str) -> Option<&'a Ast> {
        *self.assigned.get(name)?
    }

    /// All names with a certain value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Ast)> {
        self.assigned
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)))
    }

    /// The expression behind a name; the expression itself if it is no name, or one without a certain value.
    pub(super) fn resolve(&self, expr: &'a Ast) -> &'a Ast {
        let mut at = expr;
        for _ in 0..MAX_LOOKUPS {
            let Ast::Name(name) = at else { return at };
            let Some(value) = self.value(&name.id) else { return at };
            let followed = self.followed_bytes.get() + value.range().len().to_usize();
            if followed > MAX_FOLLOWED_BYTES {
                return at;
            }
            self.followed_bytes.set(followed);
            at = value;
        }
        at
    }

    /// What a list holds: follows names, `+`, `*rest` and `list(…)`.
    pub(super) fn members(&self, expr: &'a Ast) -> Members<'a> {
        let mut members = Members {
            known: Vec::new(),
            unknown: Vec::new(),
        };
        self.collect(expr, &mut members, MAX_LOOKUPS);
        members
    }

    fn collect(&self, expr: &'a Ast, members: &mut Members<'a>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return members.unknown.push(expr);
        };
        match self.resolve(expr) {
            Ast::List(ast::ExprList { elts, .. }) | Ast::Tuple(ast::ExprTuple { elts, .. }) => {
                for element in elts {
                    match element {
                        Ast::Starred(starred) => self.collect(&starred.value, members, depth),
                        _ => members.known.push(element),
                    }
                }
            }
            Ast::BinOp(sum) if sum.op == ast::Operator::Add => {
                self.collect(&sum.left, members, depth);
                self.collect(&sum.right, members, depth);
            }
            other => members.unknown.push(other),
        }
    }

    fn assign(&mut self, target: &'a Ast, value: Option<&'a Ast>) {
        if let Ast::Name(name) = target {
            let is_first = !self.assigned.contains_key(name.id.as_str());
            self.assigned.insert(&name.id, if is_first { value } else { None });
        }
    }

    /// Names assigned here may or may not have this value.
    fn forget(&mut self, body: &'a [Stmt]) {
        for statement in body {
            match statement {
                Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.assign(target, None)),
                Stmt::AnnAssign(assign) => self.assign(&assign.target, None),
                Stmt::AugAssign(assign) => self.assign(&assign.target, None),
                _ => {}
            }
        }
    }
}
