//! How a stage can end, and what the exit code of the run is then.

use tidegate_runner::Outcome;

use super::page::Page;

pub(super) fn pages() -> Vec<Page> {
    Outcome::ALL.into_iter().map(page).collect()
}

fn page(outcome: Outcome) -> Page {
    let (meaning, text) = match outcome {
        Outcome::Passed => ("the stage found nothing wrong", include_str!("outcome/passed.md")),
        Outcome::Skipped => ("the stage was not started", include_str!("outcome/skipped.md")),
        Outcome::Failed => (
            "the stage did its work, and the answer is no",
            include_str!("outcome/failed.md"),
        ),
        Outcome::Unavailable => (
            "something outside was not there; a retry may help",
            include_str!("outcome/unavailable.md"),
        ),
        Outcome::Misconfigured => (
            "the stage can't work with this config or project",
            include_str!("outcome/misconfigured.md"),
        ),
        Outcome::TimedOut => (
            "the stage took longer than its `timeout`",
            include_str!("outcome/timed-out.md"),
        ),
        Outcome::LimitExceeded => ("the stage went over a limit", include_str!("outcome/limit-exceeded.md")),
        Outcome::Denied => (
            "the stage could not go on without a grant",
            include_str!("outcome/denied.md"),
        ),
        Outcome::Trapped => ("the component crashed", include_str!("outcome/trapped.md")),
        Outcome::Cancelled => ("the run was stopped", include_str!("outcome/cancelled.md")),
        Outcome::Internal => ("the engine itself failed", include_str!("outcome/internal.md")),
    };
    let exit = format!(
        "Exit code {}, unless another stage's outcome is graver.",
        outcome.exit_code()
    );
    Page::new(
        format!("outcome/{outcome}"),
        meaning,
        &format!("{}\n\n{exit}", text.trim_end()),
    )
}
