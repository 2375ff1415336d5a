//! `explain [CODE]`: the page of a code, or the list of all codes.

mod library;
mod markdown;
mod outcomes;
mod page;
mod stages;

use std::io::Write;

use crate::args::ExplainArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::render::{BOLD, RESET, hang};
use library::{FAMILIES, Library};
use page::Page;

/// Where the meanings begin in a list: behind the longest code but a few.
const COLUMN: usize = 30;

pub(crate) fn run(args: ExplainArgs, console: &Console) -> Result<u8, Failure> {
    let library = Library::new();
    let width = console.width();
    let text = match args.code.as_deref() {
        None => {
            let lists: Vec<_> = FAMILIES
                .iter()
                .map(|(family, title)| list(&library, family, title, width))
                .collect();
            format!("{}\n`tidegate explain CODE` shows the page of one\n", lists.join("\n"))
        }
        Some(word) => match (library.page(word), FAMILIES.iter().find(|(family, _)| *family == word)) {
            (Some(page), _) => {
                let title = format!("{BOLD}{}{RESET}: {}", page.code, page.meaning);
                let title = hang("", &title, Some(width));
                format!("{title}\n\n{}", markdown::render(&page.text, width))
            }
            (None, Some((family, title))) => list(&library, family, title, width),
            (None, None) => return Err(unknown(&library, word)),
        },
    };
    console.stdout().write_all(text.as_bytes())?;
    Ok(0)
}

fn list(library: &Library, family: &str, title: &str, width: usize) -> String {
    let line = |page: &Page| hang(&format!("  {:<COLUMN$} ", page.code), page.meaning, Some(width)) + "\n";
    let lines: String = library.family(family).map(line).collect();
    format!("{BOLD}{title}{RESET}\n{lines}")
}

fn unknown(library: &Library, word: &str) -> Failure {
    let failure = Failure::usage(format!("there is no page on `{word}`"));
    let similar: Vec<_> = library
        .similar(word)
        .into_iter()
        .map(|code| format!("`{code}`"))
        .collect();
    let failure = if similar.is_empty() {
        failure
    } else {
        failure.hint(format!("did you mean {}?", similar.join(" or ")))
    };
    failure.hint("`tidegate explain` lists all codes; those of your own stages are not among them")
}
