//! stdout for data, stderr for everything else, and how they look.

use std::io::{IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use tidegate_manifest::{Diagnostic, Source, Style, render};

use crate::args::{ColorWhen, Global};
use crate::failure::Failure;

/// Narrower than most terminals, so that pasted output stays readable.
const DEFAULT_WIDTH: usize = 80;
const MAX_WIDTH: usize = 120;

pub(crate) struct Console {
    pub verbose: bool,
    pub quiet: bool,
    color: ColorChoice,
    width: usize,
}

impl Console {
    /// `columns`: the terminal's width if it is known.
    pub(crate) fn new(global: &Global, columns: Option<usize>) -> Self {
        let color = match global.color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        let width = columns.unwrap_or(DEFAULT_WIDTH).clamp(40, MAX_WIDTH);
        Self {
            verbose: global.verbose,
            quiet: global.quiet,
            color,
            width,
        }
    }

    /// Data. Colours are stripped when nobody sees them.
    pub(crate) fn stdout(&self) -> AutoStream<std::io::Stdout> {
        AutoStream::new(std::io::stdout(), self.color)
    }

    /// Progress, warnings, errors.
    pub(crate) fn stderr(&self) -> AutoStream<std::io::Stderr> {
        AutoStream::new(std::io::stderr(), self.color)
    }

    pub(crate) fn stderr_has_color(&self) -> bool {
        match self.color {
            ColorChoice::Always | ColorChoice::AlwaysAnsi => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => AutoStream::choice(&std::io::stderr()) != ColorChoice::Never,
        }
    }

    /// True when a line may be drawn over again.
    pub(crate) fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Columns of text.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn style(&self) -> Style {
        Style {
            color: self.stderr_has_color(),
            width: self.width,
        }
    }

    /// Warnings of a file, on stderr.
    pub(crate) fn warn(&self, warnings: &[Diagnostic], source: &Source) -> std::io::Result<()> {
        if warnings.is_empty() || self.quiet {
            return Ok(());
        }
        self.stderr()
            .write_all(render(warnings, source, self.style()).as_bytes())
    }

    /// The last thing that is printed.
    pub(crate) fn report(&self, failure: &Failure) {
        let text = match failure {
            Failure::Quiet { .. } => return,
            Failure::Diagnostics {
                diagnostics, source, ..
            } => render(diagnostics, source, self.style()),
            Failure::Text { message, hints, .. } => {
                let mut text = format!("\x1b[1;31merror\x1b[0m: {message}\n");
                if !hints.is_empty() {
                    text.push('\n');
                }
                for hint in hints {
                    text.push_str(&format!("\x1b[36mhint\x1b[0m: {hint}\n"));
                }
                text
            }
        };
        // Nobody is left to tell when stderr is closed.
        let _ = self.stderr().write_all(text.as_bytes());
    }
}
