//! An origin: what a grant of `http` names.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

/// Scheme, host and port of a URL, in one form: lower case, no dot at the end, the port always there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    secure: bool,
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidOrigin {
    #[error("{text:?} is no URL: {why}")]
    Url { text: String, why: String },
    #[error("{0:?} is neither http nor https")]
    Scheme(String),
    #[error("{0:?} has a user name or password in it; send an Authorization header instead")]
    User(String),
    #[error("{0:?} has a path; an origin is scheme, host and port only")]
    Path(String),
}

impl Origin {
    /// An origin as a manifest writes it, like `https://staging.example.com` or `http://[::1]:8000`.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let url = parse_url(text)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidOrigin::Path(text.into()));
        }
        Self::of(&url)
    }

    /// The origin of a URL.
    pub(super) fn of(url: &Url) -> Result<Self, InvalidOrigin> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            scheme => return Err(InvalidOrigin::Scheme(scheme.into())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidOrigin::User(url.host_str().unwrap_or_default().into()));
        }
        let none = || InvalidOrigin::Url {
            text: url.to_string(),
            why: "it has no host".into(),
        };
        let text = url.host_str().ok_or_else(none)?;
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse() {
            Ok(address) => Host::Address(address),
            // One dot at the end means the same host to resolvers, and another one to a comparison of texts.
            Err(_) => Host::Name(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()),
        };
        if host == Host::Name(String::new()) {
            return Err(none());
        }
        Ok(Self {
            secure,
            host,
            port: url.port_or_known_default().ok_or_else(none)?,
        })
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.secure { ("https", 443) } else { ("http", 80) };
        match &self.host {
            Host::Name(name) => write!(f, "{scheme}://{name}")?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{scheme}://{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]")?,
        }
        if self.port == default {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

/// The URL that is checked and then sent: nothing is ever parsed a second time.
pub(super) fn parse_url(text: &str) -> Result<Url, InvalidOrigin> {
    let mut url = Url::parse(text).map_err(|error| InvalidOrigin::Url {
        text: text.into(),
        why: error.to_string(),
    })?;
    if let Some(name) = url
        .host_str()
        .and_then(|host| host.strip_suffix('.'))
        .map(ToOwned::to_owned)
    {
        url.set_host(Some(&name)).map_err(|error| InvalidOrigin::Url {
            text: text.into(),
            why: error.to_string(),
        })?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Origin::parse(a).unwrap() == Origin::of(&parse_url(b).unwrap()).unwrap()
    }

    #[test]
    fn one_origin_however_it_is_written() {
        assert!(same("https://example.com", "HTTPS://EXAMPLE.com:443/path?q#f"));
        assert!(same("https://example.com", "https://example.com./"));
        assert!(same("http://[::1]:8000", "http://[0:0:0:0:0:0:0:1]:8000/health"));
        assert!(same("http://127.0.0.1", "http://0x7f.1/"));
        assert!(same("https://xn--bcher-kva.example", "https://bücher.example/"));
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        for other in [
            "http://example.com/",
            "https://example.com:8443/",
            "https://www.example.com/",
            "https://example.com.evil.example/",
            "https://evil.example/https://example.com",
            "https://evil.example\\@example.com/",
            "https://evil.example#@example.com/",
        ] {
            assert!(!same("https://example.com", other), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        assert!(matches!(Origin::parse("example.com"), Err(InvalidOrigin::Url { .. })));
        assert_eq!(
            Origin::parse("ftp://example.com"),
            Err(InvalidOrigin::Scheme("ftp".into()))
        );
        assert!(matches!(
            Origin::parse("https://me:pw@example.com"),
            Err(InvalidOrigin::User(_))
        ));
        assert!(matches!(
            Origin::parse("https://example.com/x"),
            Err(InvalidOrigin::Path(_))
        ));
        assert!(matches!(Origin::parse("https://."), Err(InvalidOrigin::Url { .. })));
    }

    #[test]
    fn it_is_written_without_the_port_of_its_scheme() {
        assert_eq!(
            Origin::parse("HTTPS://Example.com:443").unwrap().to_string(),
            "https://example.com"
        );
        assert_eq!(
            Origin::parse("http://[::1]:8000").unwrap().to_string(),
            "http://[::1]:8000"
        );
    }
}
