//! One host of a target, as the manifest writes it.

use std::fmt;

use thiserror::Error;

/// SSH's own port.
const DEFAULT_PORT: u16 = 22;

/// `user@host`, `user@host:2222` or `user@[::1]:2222`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// As written; what a stage sees and asks for.
    pub label: String,
    pub user: String,
    /// A name in lower case or an address, without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidHost {
    #[error("{0:?} names no user; write it as user@{0}")]
    NoUser(String),
    #[error("{0:?} names no host; write it as user@host or user@host:port")]
    NoHost(String),
    #[error("{label:?} has the port {port:?}, which is not a number from 1 to 65535")]
    Port { label: String, port: String },
    #[error("{0:?} is an IPv6 address with a port or without brackets; write it as user@[address]:port")]
    Brackets(String),
    #[error("{label:?} has {found:?}, which neither a user nor a host may have")]
    Character { label: String, found: char },
}

impl SshHost {
    /// The port defaults to 22. A user is always needed: the engine's own user name means nothing on the other side.
    pub fn parse(label: &str) -> Result<Self, InvalidHost> {
        if let Some(found) = label
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || "/,'\"\\".contains(*c))
        {
            return Err(InvalidHost::Character {
                label: label.into(),
                found,
            });
        }
        let (user, rest) = label
            .rsplit_once('@')
            .ok_or_else(|| InvalidHost::NoUser(label.into()))?;
        if user.is_empty() {
            return Err(InvalidHost::NoUser(rest.into()));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (host, tail) = bracketed
                    .split_once(']')
                    .ok_or_else(|| InvalidHost::Brackets(label.into()))?;
                match tail.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if tail.is_empty() => (host, None),
                    None => return Err(InvalidHost::Brackets(label.into())),
                }
            }
            None if rest.matches(':').count() > 1 => return Err(InvalidHost::Brackets(label.into())),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() || host.starts_with('-') {
            return Err(InvalidHost::NoHost(label.into()));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(text) => match text.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => {
                    return Err(InvalidHost::Port {
                        label: label.into(),
                        port: text.into(),
                    });
                }
            },
        };
        Ok(Self {
            label: label.into(),
            user: user.into(),
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The name under which a known_hosts file keeps this host: `[host]:port`, or `host` alone for port 22.
    pub fn known_hosts_name(&self) -> String {
        if self.port == DEFAULT_PORT {
            self.host.clone()
        } else {
            format!("[{}]:{}", self.host, self.port)
        }
    }

    /// `host:port`, with brackets where the host is an IPv6 address.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(label: &str) -> (String, String, u16) {
        let host = SshHost::parse(label).unwrap();
        (host.user, host.host, host.port)
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(parts("deploy@Example.COM"), ("deploy".into(), "example.com".into(), 22));
        assert_eq!(
            parts("deploy@10.0.0.7:2222"),
            ("deploy".into(), "10.0.0.7".into(), 2222)
        );
        assert_eq!(parts("deploy@[::1]:2222"), ("deploy".into(), "::1".into(), 2222));
        assert_eq!(parts("deploy@[::1]"), ("deploy".into(), "::1".into(), 22));
        assert_eq!(parts("me@corp@bastion"), ("me@corp".into(), "bastion".into(), 22));
    }

    #[test]
    fn a_host_that_could_mean_two_things_is_refused() {
        assert_eq!(
            SshHost::parse("example.com"),
            Err(InvalidHost::NoUser("example.com".into()))
        );
        assert_eq!(
            SshHost::parse("@example.com"),
            Err(InvalidHost::NoUser("example.com".into()))
        );
        assert_eq!(SshHost::parse("a@::1"), Err(InvalidHost::Brackets("a@::1".into())));
        assert_eq!(SshHost::parse("a@[::1"), Err(InvalidHost::Brackets("a@[::1".into())));
        assert!(matches!(SshHost::parse("a@b:0"), Err(InvalidHost::Port { .. })));
        assert!(matches!(SshHost::parse("a@b:ssh"), Err(InvalidHost::Port { .. })));
        assert!(matches!(
            SshHost::parse("a@b c"),
            Err(InvalidHost::Character { found: ' ', .. })
        ));
        assert_eq!(
            SshHost::parse("a@-oProxyCommand=x"),
            Err(InvalidHost::NoHost("a@-oProxyCommand=x".into()))
        );
    }

    #[test]
    fn the_known_hosts_name_has_the_port_only_when_it_is_not_22() {
        assert_eq!(SshHost::parse("a@b").unwrap().known_hosts_name(), "b");
        assert_eq!(SshHost::parse("a@[::1]:2222").unwrap().known_hosts_name(), "[::1]:2222");
    }
}
