//! One entry of `net`: where native programs may connect to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::host_name::{parse_port, split_host_port};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetGrant {
    /// `host:port`, or `*.domain:port` for every name below; `private` allows answers in private address ranges. IPv6 without
    /// brackets here.
    Host { host: String, port: u16, private: bool },
    /// `@python-index`: the index of the user's pip or uv configuration; with the secret that holds user name and password.
    PythonIndex { credentials: Option<String> },
    /// `host-loopback:PORT`: a service on this machine's loopback.
    HostLoopback { port: u16 },
    /// `unix:PATH`.
    Unix { path: PathBuf },
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidNetGrant {
    #[error("the port is missing, expected `{0}:443` or another port")]
    NoPort(String),
    #[error("`net` takes `host:port`, without a scheme or a path")]
    Url,
    #[error("`*` can stand only for the first part of a name with at least two more: `*.example.com:443`")]
    Wildcard,
    #[error("a program's loopback is its own; this machine's is `host-loopback:{0}`")]
    Loopback(u16),
    #[error("expected a port from 1 to 65535 after `host-loopback:`")]
    LoopbackPort,
    #[error("expected an absolute path after `unix:`")]
    UnixPath,
    #[error("no such symbolic grant; the only one is `@python-index`")]
    Symbol,
    #[error("expected `host:port`, `@python-index`, `host-loopback:PORT` or `unix:PATH`")]
    Shape,
}

impl FromStr for NetGrant {
    type Err = InvalidNetGrant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(symbol) = text.strip_prefix('@') {
            return match symbol {
                "python-index" => Ok(Self::PythonIndex { credentials: None }),
                _ => Err(InvalidNetGrant::Symbol),
            };
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let plain = path.starts_with('/') && !path.split('/').any(|part| part == "..");
            return match plain {
                true => Ok(Self::Unix { path: path.into() }),
                false => Err(InvalidNetGrant::UnixPath),
            };
        }
        if let Some(port) = text.strip_prefix("host-loopback:") {
            let port = parse_port(port).ok_or(InvalidNetGrant::LoopbackPort)?;
            return Ok(Self::HostLoopback { port });
        }
        if text.contains('/') {
            return Err(InvalidNetGrant::Url);
        }
        let below = text.strip_prefix("*.");
        let rest = below.unwrap_or(text);
        if rest.contains('*') {
            return Err(InvalidNetGrant::Wildcard);
        }
        let (mut host, port) = split_host_port(rest).ok_or(InvalidNetGrant::Shape)?;
        if below.is_some() {
            // An address has no names below it, and a top-level domain belongs to nobody.
            if host.parse::<std::net::IpAddr>().is_ok() || !host.contains('.') {
                return Err(InvalidNetGrant::Wildcard);
            }
            host.insert_str(0, "*.");
        }
        let port = port.ok_or_else(|| InvalidNetGrant::NoPort(text.into()))?;
        if host == "localhost" || host == "::1" || host.starts_with("127.") {
            return Err(InvalidNetGrant::Loopback(port));
        }
        let private = false;
        Ok(Self::Host { host, port, private })
    }
}

impl fmt::Display for NetGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host { host, port, .. } => write!(f, "{host}:{port}"),
            Self::PythonIndex { .. } => f.write_str("@python-index"),
            Self::HostLoopback { port } => write!(f, "host-loopback:{port}"),
            Self::Unix { path } => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "db.corp:5432",
            "[2001:db8::1]:443",
            "@python-index",
            "*.example.com:443",
            "host-loopback:5432",
            "unix:/run/pg.sock",
        ] {
            assert_eq!(text.parse::<NetGrant>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<NetGrant>().unwrap_err();
        assert_eq!(error("example.com"), InvalidNetGrant::NoPort("example.com".into()));
        assert_eq!(error("https://example.com"), InvalidNetGrant::Url);
        for wildcard in [
            "*.com:443",
            "*.10.0.0.1:443",
            "a.*.example.com:443",
            "*.*.example.com:443",
            "*example.com:443",
        ] {
            assert_eq!(error(wildcard), InvalidNetGrant::Wildcard, "{wildcard}");
        }
        assert_eq!(error("localhost:5432"), InvalidNetGrant::Loopback(5432));
        assert_eq!(error("127.0.0.1:80"), InvalidNetGrant::Loopback(80));
        assert_eq!(error("host-loopback:x"), InvalidNetGrant::LoopbackPort);
        assert_eq!(error("unix:run/x"), InvalidNetGrant::UnixPath);
        assert_eq!(error("unix:/run/../x"), InvalidNetGrant::UnixPath);
        assert_eq!(error("@npm"), InvalidNetGrant::Symbol);
        assert_eq!(error("*"), InvalidNetGrant::Wildcard);
        assert_eq!(error("2001:db8::1:443"), InvalidNetGrant::Shape);
    }
}
