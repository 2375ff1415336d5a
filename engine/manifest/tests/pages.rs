//! The pages of `tidegate explain` are true: the wrong example has that mistake, the right one has none.

use tidegate_manifest::{Source, codes, parse, parse_user_config};

/// The codes that reading `text` as the file that `code` is about gives.
fn found(code: &str, text: &str) -> Vec<&'static str> {
    let source = Source::new("example", text);
    let problems = match code.starts_with("config/") {
        true => parse_user_config(&source).map(|_| Vec::new()),
        false => parse(&source).map(|parsed| parsed.warnings),
    };
    problems
        .unwrap_or_else(|problems| problems)
        .iter()
        .map(|problem| problem.code)
        .collect()
}

fn example<'a>(page: &'a str, title: &str) -> Option<&'a str> {
    let (_, after) = page.split_once(title)?;
    let (_, block) = after.split_once("```toml\n")?;
    block.split_once("```").map(|(example, _)| example)
}

#[test]
fn examples_are_true() {
    for (code, meaning, page) in codes() {
        assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{code}");
        assert!(page.len() > 60, "{code} has no page");
        let (Some(wrong), Some(right)) = (example(page, "Wrong:"), example(page, "Right:")) else {
            // Its example would be longer than everything else together.
            assert_eq!(*code, "manifest/too-large");
            continue;
        };
        assert_eq!(found(code, wrong), [*code], "{code}, wrong example");
        assert_eq!(found(code, right), [""; 0], "{code}, right example");
    }
}

#[test]
fn codes_are_unique() {
    let mut names: Vec<_> = codes().iter().map(|(code, ..)| code).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), codes().len());
}
