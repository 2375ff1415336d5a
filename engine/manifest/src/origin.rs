//! What `http` grants: an origin, without path, query or user.

use crate::host_name::split_host_port;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidOrigin {
    #[error("the scheme is missing, expected `https://{0}`")]
    NoScheme(String),
    #[error("expected `https://` or `http://`")]
    Scheme,
    #[error("a grant is for a whole origin; write it without path: `{0}`")]
    Path(String),
    #[error("user names and passwords can't stand in an origin; grant a secret to the stage instead")]
    User,
    #[error("expected one host; a pattern is not possible")]
    Wildcard,
    #[error("expected a host name or address, and a port from 1 to 65535 if there is one")]
    Host,
}

/// The origin in lower case, without its scheme's own port: `https://EXAMPLE.com:443` gives `https://example.com`.
pub(crate) fn parse_origin(text: &str) -> Result<String, InvalidOrigin> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(match split_host_port(text) {
            Some(_) => InvalidOrigin::NoScheme(text.into()),
            None => InvalidOrigin::Host,
        });
    };
    let own_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(InvalidOrigin::Scheme),
    };
    let (address, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if address.contains('@') {
        return Err(InvalidOrigin::User);
    }
    if address.contains('*') {
        return Err(InvalidOrigin::Wildcard);
    }
    let (host, port) = split_host_port(address).ok_or(InvalidOrigin::Host)?;
    if !path.is_empty() {
        return Err(InvalidOrigin::Path(format!("{scheme}://{address}")));
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Ok(match port {
        Some(port) if port != own_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_for_one_origin() {
        assert_eq!(
            parse_origin("https://Example.com:443"),
            Ok("https://example.com".into())
        );
        assert_eq!(
            parse_origin("http://localhost:8000"),
            Ok("http://localhost:8000".into())
        );
        assert_eq!(
            parse_origin("https://[2001:db8::1]:8443"),
            Ok("https://[2001:db8::1]:8443".into())
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(
            parse_origin("example.com"),
            Err(InvalidOrigin::NoScheme("example.com".into()))
        );
        assert_eq!(parse_origin("ftp://example.com"), Err(InvalidOrigin::Scheme));
        assert_eq!(
            parse_origin("https://a.example/"),
            Err(InvalidOrigin::Path("https://a.example".into()))
        );
        assert_eq!(parse_origin("https://me:pw@a.example"), Err(InvalidOrigin::User));
        assert_eq!(parse_origin("https://*.example"), Err(InvalidOrigin::Wildcard));
        assert_eq!(parse_origin("https://"), Err(InvalidOrigin::Host));
        assert_eq!(parse_origin("https://a.example:0"), Err(InvalidOrigin::Host));
    }
}
