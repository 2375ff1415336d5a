use super::{Expr, Name};

/// A model field as a migration states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// `django.db.models.CharField`. For an expression that is no call, its source text.
    pub class: Name,
    pub args: Vec<Expr>,
    pub kwargs: Vec<(String, Expr)>,
    pub line: u32,
    /// False if the field is not a plain call of a class, so that its options can't be known.
    pub is_readable: bool,
}

impl Field {
    pub fn kwarg(&self, name: &str) -> Option<&Expr> {
        self.kwargs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The model that a relation points to, as written: `auth.User`, `self`. Not for `settings.AUTH_USER_MODEL`.
    pub fn related_model(&self) -> Option<&str> {
        self.kwarg("to").or_else(|| self.args.first()).and_then(Expr::as_str)
    }
}
