//! The host part of an address, shared by everything that names one.

use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 1035, section 2.3.4.
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`; the host comes back in lower case and without brackets. `None` where
/// it is neither a name nor an address, or the port is not a number from 1 to 65535.
pub(crate) fn split_host_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let (address, rest) = inner.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            is_host(host).then_some((host, rest))?
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => Some(parse_port(digits)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((host.to_ascii_lowercase(), port))
}

/// A number from 1 to 65535, digits only.
pub(crate) fn parse_port(digits: &str) -> Option<u16> {
    let number = digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())??;
    (number > 0).then_some(number)
}

fn is_host(text: &str) -> bool {
    if text.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    // A name of digits only would be read as an address by some resolvers (`127.1`).
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !numeric
        && text.len() <= MAX_NAME_BYTES
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= MAX_LABEL_BYTES
                && !label.starts_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_and_addresses() {
        assert_eq!(split_host_port("DB.corp:5432"), Some(("db.corp".into(), Some(5432))));
        assert_eq!(split_host_port("10.0.0.1"), Some(("10.0.0.1".into(), None)));
        assert_eq!(
            split_host_port("[2001:db8::1]:22"),
            Some(("2001:db8::1".into(), Some(22)))
        );
    }

    #[test]
    fn refuses_what_resolvers_disagree_about() {
        for wrong in [
            "",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "2001:db8::1",
            "[x]:1",
            "127.1",
            "a..b",
            "-a",
            "*.a",
            "a/b",
        ] {
            assert_eq!(split_host_port(wrong), None, "{wrong}");
        }
    }
}
