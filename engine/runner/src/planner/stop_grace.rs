//! How long a stage may take to leave things whole, as far as the stage itself has a say in it.

use std::time::Duration;

use tidegate_manifest::parse_duration;
use tidegate_sandbox::{DEFAULT_LIMITS, Request};

/// The capability by which a stage asks for more: its name is a duration. It gives no right, so no grant answers it.
const STOP_GRACE: &str = "stop-grace";

/// What a stage gets because it asks: whoever presses Ctrl-C waits for it. More than this only the manifest gives.
const MAX_ASKED: Duration = Duration::from_secs(10 * 60);

/// What the request asks for; None if it is about something else, or says what this version can't read.
pub(super) fn asked(request: &Request) -> Option<Duration> {
    if request.capability != STOP_GRACE {
        return None;
    }
    parse_duration(&request.name).ok()
}

/// The manifest's own value wins. Where it says nothing, it is the default, or the largest that was asked for.
pub(super) fn stop_grace(written: Option<Duration>, requests: &[Request]) -> Duration {
    written.unwrap_or_else(|| {
        let most = requests.iter().filter_map(asked).max().unwrap_or_default();
        most.min(MAX_ASKED).max(DEFAULT_LIMITS.stop_grace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(capability: &str, name: &str) -> Request {
        Request {
            capability: capability.into(),
            name: name.into(),
            reason: String::new(),
            optional: true,
        }
    }

    fn secs(written: Option<u64>, asked: &[&str]) -> u64 {
        let requests: Vec<_> = asked.iter().map(|name| request("stop-grace", name)).collect();
        stop_grace(written.map(Duration::from_secs), &requests).as_secs()
    }

    #[test]
    fn the_larger_one_wins_and_the_manifest_over_all() {
        assert_eq!(secs(None, &[]), 5);
        assert_eq!(secs(None, &["1m"]), 60);
        assert_eq!(secs(None, &["1s"]), 5);
        assert_eq!(secs(None, &["10s", "1m", "20s"]), 60);
        assert_eq!(secs(Some(2), &["1m"]), 2);
        assert_eq!(secs(Some(3_600), &["1m"]), 3_600);
    }

    #[test]
    fn nobody_waits_for_days_because_a_stage_says_so() {
        assert_eq!(secs(None, &["168h"]), 600);
        assert_eq!(secs(None, &["soon", ""]), 5);
        assert_eq!(stop_grace(None, &[request("ssh", "1m")]).as_secs(), 5);
    }
}
