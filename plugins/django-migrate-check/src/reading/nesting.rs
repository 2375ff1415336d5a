use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// The most that things may stand inside one another, or be chained in one expression. Parser and tree are recursive and a
/// component's stack is small: deeper files would end it with a trap. With wasmtime's default of 512 KiB the parser survives
/// 439 nested calls and 234 nested f-strings (which count twice here). CPython's own limits are 200 brackets and 100 indents.
const MAX_NESTING: usize = 150;

/// True if a file can be parsed without running out of stack. Never says so of a file that can't; may refuse one that could.
pub(super) fn is_shallow(source: &str) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut nesting = Nesting::default();
    loop {
        let token = lexer.next_token();
        if token == TokenKind::EndOfFile {
            return true;
        }
        if !nesting.admits(token) {
            return false;
        }
    }
}

/// An upper bound of the depth of the syntax tree at each token.
#[derive(Debug, Default)]
struct Nesting {
    indents: usize,
    /// Sum of `levels`.
    chained: usize,
    levels: Vec<Level>,
    outermost: Level,
}

/// What is chained at one level of brackets.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    /// Operators since the last comma: `a + b + c` is a tree three deep.
    operators: usize,
    /// Not ended by a comma: `lambda a, b: lambda c: …`
    lambdas: usize,
}

impl Nesting {
    fn admits(&mut self, token: TokenKind) -> bool {
        match token {
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                self.levels.push(Level::default());
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                if let Some(closed) = self.levels.pop() {
                    self.chained -= closed.operators + closed.lambdas;
                }
                // `f()()()` and `a[0][0]` nest to the left.
                self.chain();
            }
            TokenKind::Comma => {
                let operators = std::mem::take(&mut self.level().operators);
                self.chained -= operators;
            }
            TokenKind::Newline => {
                self.levels.clear();
                self.outermost = Level::default();
                self.chained = 0;
            }
            TokenKind::Indent => self.indents += 1,
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::Lambda => {
                self.level().lambdas += 1;
                self.chained += 1;
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::None
            | TokenKind::True
            | TokenKind::False => {}
            _ => self.chain(),
        }
        self.indents + self.levels.len() + self.chained <= MAX_NESTING
    }

    fn chain(&mut self) {
        self.level().operators += 1;
        self.chained += 1;
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().unwrap_or(&mut self.outermost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_is_not_deep() {
        let list = format!("x = [{}]\n", "('a', models.CharField(max_length=-1)), ".repeat(10_000));
        assert!(is_shallow(&list));
        let lines = "x = a + b\nif x:\n    y = f(1)(2)\n".repeat(10_000);
        assert!(is_shallow(&lines));
    }

    #[test]
    fn every_way_to_nest_is_refused() {
        let deep = 100_000;
        let hostile = [
            format!("x = {}{}", "(".repeat(deep), ")".repeat(deep)),
            format!("x = {}", "[".repeat(deep)),
            format!("x = {}1", "-".repeat(deep)),
            format!("x = {}1", "not ".repeat(deep)),
            format!("x = {}1", "a ** ".repeat(deep)),
            format!("x = {}1", "a + ".repeat(deep)),
            format!("x = {}1", "lambda a, b: ".repeat(deep)),
            format!("x = {}1", "a if b else ".repeat(deep)),
            format!("x = a{}", ".b".repeat(deep)),
            format!("x = a{}", "()".repeat(deep)),
            format!("x = a{}", "[0]".repeat(deep)),
            format!("x = {}", "{0: ".repeat(deep)),
            format!("x = {}", "f'{".repeat(deep)),
            format!("x = {}1", "await ".repeat(deep)),
            (0..1_000)
                .map(|depth| format!("{}if a:\n", " ".repeat(depth)))
                .collect(),
        ];
        for source in hostile {
            assert!(!is_shallow(&source), "{}…", &source[..40]);
        }
    }
}
