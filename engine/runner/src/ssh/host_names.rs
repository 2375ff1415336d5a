//! The first field of a known_hosts line: for which hosts its key holds.

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

/// For which hosts a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostNames {
    /// Written in the manifest beside the target: all hosts of the target.
    Any,
    Listed(HostPatterns),
}

impl HostNames {
    /// `name` is a host as known_hosts writes it: `host`, or `[host]:port` for another port than 22, in lower case.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(HostPatterns::HashedName { salt, hash }) => hashed(salt, hash, name),
            Self::Listed(HostPatterns::Patterns(patterns)) => {
                let mut found = false;
                for pattern in patterns {
                    match pattern.strip_prefix('!') {
                        // A negation wins over everything else on its line (sshd(8)).
                        Some(negated) if glob(negated, name) => return false,
                        Some(_) => {}
                        None => found |= glob(pattern, name),
                    }
                }
                found
            }
        }
    }
}

/// OpenSSH's form: HMAC-SHA1 of the name, with the salt as the key.
fn hashed(salt: &[u8], hash: &[u8; 20], name: &str) -> bool {
    Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok())
}

/// `*` and `?`, as OpenSSH has them; nothing else is special, brackets neither.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            // The last star takes one character more.
            _ => match retry {
                Some((star, start)) => {
                    retry = Some((star, start + 1));
                    p = star + 1;
                    n = start + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(names: &str, name: &str) -> bool {
        HostNames::Listed(names.parse().unwrap()).matches(name)
    }

    #[test]
    fn patterns_follow_sshd_8() {
        assert!(matches("example.com", "example.com"));
        assert!(matches("Example.com,10.0.0.1", "example.com"));
        assert!(matches("*.example.com", "a.b.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(matches("web?.example.com", "web1.example.com"));
        assert!(!matches("web?.example.com", "web12.example.com"));
        assert!(!matches("*.example.com,!db.example.com", "db.example.com"));
        assert!(!matches("!db.example.com,*.example.com", "db.example.com"));
        assert!(matches("[example.com]:2222", "[example.com]:2222"));
        assert!(!matches("example.com", "[example.com]:2222"));
        assert!(!matches("[example.com]:2222", "example.com"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(100)));
    }

    #[test]
    fn a_hashed_name_is_the_one_that_ssh_keygen_wrote() {
        // Made with `ssh-keygen -H` for the name `[127.0.0.1]:2222`.
        let line = "|1|Ug0/q+sbpIRHe4RKxbhTutUEG8k=|7CmCF/jd0MenjJRGS7UwVA5eIJg=";
        assert!(matches(line, "[127.0.0.1]:2222"));
        assert!(!matches(line, "127.0.0.1"));
    }
}
