//! Does the live release answer?

use std::time::Duration;

use crate::config::Health;
use crate::error::DeployError;
use crate::remote::Finished;
use crate::site::{Site, describe_exit};
use crate::world::{Answer, Unanswered, World};

const STEP: &str = "health check";
/// Characters of an answer's body that go into the error.
const BODY_CHARS: usize = 200;
/// `sh` answers these when there is nothing to run; asking again can't help.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Asks until the answer is right or the retries are used up. The error holds the last answer.
pub fn check(
    site: &mut Site<'_>,
    world: &dyn World,
    health: &Health,
    release: u64,
    heed_stop: bool,
) -> Result<(), DeployError> {
    let asked = health.url.as_deref().or(health.command.as_deref()).unwrap_or_default();
    let mut last = String::new();
    for attempt in 0..=health.retries {
        if heed_stop && world.stop_requested() {
            return Err(DeployError::Stopped(format!("{}: {STEP}: stopped", site.host())));
        }
        if attempt > 0 {
            world.sleep(health.interval.0);
        }
        let asked_once = match &health.url {
            Some(url) => ask_url(world, health, url, release),
            None => ask_command(site, asked, release, health.timeout.0)?,
        };
        match asked_once {
            Verdict::Healthy => {
                world.info(&format!("{}: release {release} answers ({asked})", site.host()));
                return Ok(());
            }
            Verdict::NotGranted(what) => return Err(DeployError::NotGranted(what)),
            Verdict::Never(why) => {
                last = why;
                break;
            }
            Verdict::NotYet(why) => last = why,
        }
    }
    Err(DeployError::Failed(format!("{}: {STEP}: {asked}: {last}", site.host())))
}

enum Verdict {
    Healthy,
    NotYet(String),
    Never(String),
    NotGranted(String),
}

fn ask_url(world: &dyn World, health: &Health, url: &str, release: u64) -> Verdict {
    match world.get(url, health.timeout.0) {
        Ok(answer) => judge(health, &answer, release),
        Err(Unanswered::NotGranted(what)) => Verdict::NotGranted(what),
        Err(Unanswered::Stopping) => Verdict::NotYet("stopped".to_owned()),
        Err(Unanswered::Other(why)) => Verdict::NotYet(why),
    }
}

fn judge(health: &Health, answer: &Answer, release: u64) -> Verdict {
    if answer.status != health.expect_status {
        let to = answer
            .location
            .as_ref()
            .map(|to| format!(" to {to}"))
            .unwrap_or_default();
        let expected = health.expect_status;
        return Verdict::NotYet(format!(
            "answered {}{to}, expected {expected}{}",
            answer.status,
            quote(&answer.body)
        ));
    }
    let Some(text) = &health.expect_text else {
        return Verdict::Healthy;
    };
    let text = text.replace("{release}", &release.to_string());
    if answer.body.contains(&text) {
        return Verdict::Healthy;
    }
    Verdict::NotYet(format!(
        "answered {} without `{text}`{}",
        answer.status,
        quote(&answer.body)
    ))
}

fn ask_command(site: &mut Site<'_>, line: &str, release: u64, timeout: Duration) -> Result<Verdict, DeployError> {
    let finished = match site.command_exit(STEP, line, release, timeout) {
        Ok(finished) => finished,
        // A command that hangs is an answer like any other, and a lost connection may be back for the next question.
        Err(DeployError::Failed(why) | DeployError::Unavailable(why)) => return Ok(Verdict::NotYet(why)),
        Err(error) => return Err(error),
    };
    Ok(match finished {
        Finished { exit_code: 0, .. } => Verdict::Healthy,
        Finished {
            exit_code: NOT_EXECUTABLE | NOT_FOUND,
            ..
        } => Verdict::Never(describe_exit(&finished)),
        _ => Verdict::NotYet(describe_exit(&finished)),
    })
}

fn quote(body: &str) -> String {
    let body: String = body
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(BODY_CHARS)
        .collect();
    if body.is_empty() {
        String::new()
    } else {
        format!(": {body}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        serde_json::from_str(r#"{"url": "http://h/", "expect-text": "\"release\": \"{release}\""}"#).unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            location: None,
            body: body.to_owned(),
        }
    }

    #[test]
    fn an_old_process_that_still_answers_is_not_the_new_release() {
        assert!(matches!(
            judge(&health(), &answer(200, r#"{"release": "5"}"#), 5),
            Verdict::Healthy
        ));
        let verdict = judge(&health(), &answer(200, r#"{"release": "4"}"#), 5);
        assert!(matches!(verdict, Verdict::NotYet(why) if why.contains(r#"without `"release": "5"`"#)));
    }

    #[test]
    fn a_redirect_says_where_to() {
        let redirect = Answer {
            status: 301,
            location: Some("https://h/".to_owned()),
            body: String::new(),
        };
        let verdict = judge(&health(), &redirect, 5);
        assert!(matches!(verdict, Verdict::NotYet(why) if why == "answered 301 to https://h/, expected 200"));
    }
}
