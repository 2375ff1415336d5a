//! A host of a target, as written: `user@host:port`.

use std::fmt;
use std::str::FromStr;

use crate::host_name::split_host_port;

const DEFAULT_PORT: u16 = 22;

/// `user@host`, `user@host:port` or `user@[IPv6]:port`. The port is 22 where none is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSpec {
    pub user: String,
    /// In lower case, without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidHostSpec {
    #[error("the user is missing, expected `user@host`")]
    NoUser,
    #[error("expected `user@host` or `user@host:port`, without a scheme")]
    Scheme,
    #[error("expected letters, digits, `-`, `_` and `.` as the user's name")]
    User,
    #[error("expected a host name or address after the `@`, IPv6 in brackets")]
    Host,
}

impl FromStr for HostSpec {
    type Err = InvalidHostSpec;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("://") {
            return Err(InvalidHostSpec::Scheme);
        }
        let (user, address) = text.rsplit_once('@').ok_or(InvalidHostSpec::NoUser)?;
        // A leading `-` could be taken for an option wherever a user's name becomes an argument.
        let named = user.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !named || !user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(InvalidHostSpec::User);
        }
        let (host, port) = split_host_port(address).ok_or(InvalidHostSpec::Host)?;
        Ok(Self {
            user: user.into(),
            host,
            port: port.unwrap_or(DEFAULT_PORT),
        })
    }
}

impl fmt::Display for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port } = self;
        match (host.contains(':'), *port) {
            (false, DEFAULT_PORT) => write!(f, "{user}@{host}"),
            (false, port) => write!(f, "{user}@{host}:{port}"),
            (true, DEFAULT_PORT) => write!(f, "{user}@[{host}]"),
            (true, port) => write!(f, "{user}@[{host}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "deploy@a.example",
            "deploy@a.example:2222",
            "d@[2001:db8::1]",
            "d@[2001:db8::1]:2222",
        ] {
            assert_eq!(text.parse::<HostSpec>().unwrap().to_string(), text);
        }
        assert_eq!("d@h:22".parse::<HostSpec>().unwrap().to_string(), "d@h");
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<HostSpec>().unwrap_err();
        assert_eq!(error("a.example"), InvalidHostSpec::NoUser);
        assert_eq!(error("ssh://d@a.example"), InvalidHostSpec::Scheme);
        assert_eq!(error("-oProxyCommand=x@a"), InvalidHostSpec::User);
        assert_eq!(error("@a"), InvalidHostSpec::User);
        assert_eq!(error("d@a:b"), InvalidHostSpec::Host);
        assert_eq!(error("d@2001:db8::1"), InvalidHostSpec::Host);
    }
}
