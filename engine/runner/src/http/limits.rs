//! Every number that bounds a request, with its reason.

use std::time::Duration;

/// A request's and a response's body.
pub(super) const BODY_BYTES: usize = tidegate_sandbox::limits::BODY_BYTES;

/// Names and values of a response's headers together: several times what servers send.
pub(super) const HEADER_BYTES: usize = 64 << 10;

/// Number of a message's headers; hyper's own default for responses.
pub(super) const HEADERS: usize = 100;

/// For the whole request, if the stage sets no limit. A health check that takes longer is no good sign.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
