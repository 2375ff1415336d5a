//! stdout for data, stderr for everything else, and how they look.

use std::io::{IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use tidegate_manifest::{Diagnostic, Source, Span, Style, render};
use tidegate_runner::neutralise_lines;

use crate::args::{ColorWhen, Global};
use crate::failure::Failure;

/// Of text where nothing is known of a terminal.
const DEFAULT_WIDTH: usize = 80;
/// Longer lines are hard to read.
const MAX_WIDTH: usize = 120;
/// In a narrower terminal broken lines would be no better than the terminal's own.
const MIN_WIDTH: usize = 40;

pub(crate) struct Console {
    pub verbose: bool,
    pub quiet: bool,
    color: ColorChoice,
    stdout_columns: Option<usize>,
    stderr_columns: Option<usize>,
}

impl Console {
    /// The columns of the terminals that stdout and stderr lead to, if they do.
    pub(crate) fn new(global: &Global, stdout_columns: Option<usize>, stderr_columns: Option<usize>) -> Self {
        let color = match global.color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        Self {
            verbose: global.verbose,
            quiet: global.quiet,
            color,
            stdout_columns,
            stderr_columns,
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

    /// Columns of a run's lines on stderr. None without a terminal: in a file or a CI log a line is found as a whole.
    pub(crate) fn live_columns(&self) -> Option<usize> {
        self.stderr_columns.map(|columns| columns.max(MIN_WIDTH))
    }

    /// Columns of text on stdout.
    pub(crate) fn width(&self) -> usize {
        text_width(self.stdout_columns)
    }

    pub(crate) fn style(&self) -> Style {
        Style {
            color: self.stderr_has_color(),
            width: text_width(self.stderr_columns),
        }
    }

    /// Warnings of a file, on stderr.
    pub(crate) fn warn(&self, warnings: &[Diagnostic], source: &Source) -> std::io::Result<()> {
        if warnings.is_empty() || self.quiet {
            return Ok(());
        }
        self.stderr()
            .write_all(render(&harmless(warnings), source, self.style()).as_bytes())
    }

    /// The last thing that is printed.
    pub(crate) fn report(&self, failure: &Failure) {
        let text = match failure {
            Failure::Quiet { .. } => return,
            Failure::Diagnostics {
                diagnostics, source, ..
            } => render(&harmless(diagnostics), source, self.style()),
            Failure::Text { message, hints, .. } => {
                let message = neutralise_lines(message);
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

/// A component's words may be in them: what it asks for, what its schema says, why it refuses a configuration.
fn harmless(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let place = |(span, text): &(Span, String)| (span.clone(), neutralise_lines(text));
    let harmless = |diagnostic: &Diagnostic| Diagnostic {
        message: neutralise_lines(&diagnostic.message),
        label: diagnostic.label.as_ref().map(place),
        related: diagnostic.related.iter().map(place).collect(),
        help: diagnostic.help.iter().map(|line| neutralise_lines(line)).collect(),
        paste: diagnostic.paste.as_deref().map(neutralise_lines),
        ..diagnostic.clone()
    };
    diagnostics.iter().map(harmless).collect()
}

fn text_width(columns: Option<usize>) -> usize {
    columns.unwrap_or(DEFAULT_WIDTH).clamp(MIN_WIDTH, MAX_WIDTH)
}
