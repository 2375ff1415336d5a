use super::name::Name;

/// A Python expression of a migration file, as far as it can be known without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub value: Value,
    /// Line in the file, from 1.
    pub line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    /// Pairs in the order of the file.
    Dict(Vec<(Expr, Expr)>),
    /// A name or a dotted name: `models.CASCADE`.
    Name(Name),
    Call(Box<Call>),
    /// Anything else, as its source text: comprehensions, f-strings, lambdas, arithmetic.
    Source(String),
}

/// A call of something that has a name: `models.CharField(max_length=20)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub function: Name,
    pub args: Vec<Expr>,
    /// In the order of the file. `**rest` has the name `**`.
    pub kwargs: Vec<(String, Expr)>,
}

impl Expr {
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_name(&self) -> Option<&Name> {
        match &self.value {
            Value::Name(name) => Some(name),
            _ => None,
        }
    }

    pub fn as_call(&self) -> Option<&Call> {
        match &self.value {
            Value::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The members of a list, a tuple or a set.
    pub fn as_items(&self) -> Option<&[Expr]> {
        match &self.value {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => Some(items),
            _ => None,
        }
    }

    pub fn is_none(&self) -> bool {
        self.value == Value::None
    }

    /// True if the value is known in full: no name, call or source text anywhere in it.
    pub fn is_literal(&self) -> bool {
        match &self.value {
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => true,
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().all(Expr::is_literal),
            Value::Dict(pairs) => pairs.iter().all(|(key, value)| key.is_literal() && value.is_literal()),
            Value::Name(_) | Value::Call(_) | Value::Source(_) => false,
        }
    }
}

impl Call {
    /// The keyword argument of this name.
    pub fn kwarg(&self, name: &str) -> Option<&Expr> {
        self.kwargs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The argument of this parameter, given by position or by keyword.
    pub fn argument(&self, position: usize, name: &str) -> Option<&Expr> {
        self.args.get(position).or_else(|| self.kwarg(name))
    }
}
