//! Which keys a target's hosts may show. There is no "accept anything".

use std::collections::BTreeSet;

use russh::keys::ssh_key::known_hosts::HostPatterns;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use thiserror::Error;

use super::host_names::HostNames;

/// The keys that a target's hosts may show.
///
/// - `@revoked` lines are honoured: such a key is refused even if another line has it.
/// - `@cert-authority` lines give no trust: host certificates are not offered, so the host shows its own key, and that has
///   to stand in a line of its own.
/// - A line for `host` does not hold for `[host]:2222`; `ssh` itself would fall back to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostKeyPolicy {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    standing: Standing,
    names: HostNames,
    key: PublicKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Trusted,
    Revoked,
    Authority,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidHostKeys {
    #[error("no host key is given; print a host's keys with: ssh-keyscan HOST")]
    None,
    #[error(
        "{0:?} is a fingerprint, and the whole key is needed, like \"ssh-ed25519 AAAA…\"; print it with: ssh-keyscan HOST"
    )]
    Fingerprint(String),
    #[error("host key {0:?} is no public key; it looks like \"ssh-ed25519 AAAA…\"")]
    Key(String),
    #[error("known_hosts line {line} can't be read: {why}")]
    KnownHosts { line: usize, why: &'static str },
}

/// What the policy says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Trusted,
    Unknown,
    Revoked,
}

impl HostKeyPolicy {
    /// Public keys as in a `.pub` file or in `ssh-keyscan`'s output without the host. They hold for all hosts of the target.
    pub fn from_keys(keys: &[String]) -> Result<Self, InvalidHostKeys> {
        let lines = keys
            .iter()
            .map(|text| {
                let text = text.trim();
                if text.starts_with("SHA256:") || text.starts_with("MD5:") {
                    return Err(InvalidHostKeys::Fingerprint(text.into()));
                }
                let key = PublicKey::from_openssh(text).map_err(|_| InvalidHostKeys::Key(text.into()))?;
                Ok(Line {
                    standing: Standing::Trusted,
                    names: HostNames::Any,
                    key,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() {
            Err(InvalidHostKeys::None)
        } else {
            Ok(Self { lines })
        }
    }

    /// A known_hosts file, hashed names included. Keys of a type that is not supported are passed over, as `ssh` does.
    pub fn from_known_hosts(text: &str) -> Result<Self, InvalidHostKeys> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lines.extend(known_hosts_line(line).map_err(|why| InvalidHostKeys::KnownHosts { line: index + 1, why })?);
        }
        if lines.is_empty() {
            Err(InvalidHostKeys::None)
        } else {
            Ok(Self { lines })
        }
    }

    /// `name` is [`super::SshHost::known_hosts_name`].
    pub(super) fn judge(&self, name: &str, key: &PublicKey) -> Verdict {
        let mut same = self
            .lines
            .iter()
            .filter(|line| line.key.key_data() == key.key_data() && line.names.matches(name));
        if same.clone().any(|line| line.standing == Standing::Revoked) {
            Verdict::Revoked
        } else if same.any(|line| line.standing == Standing::Trusted) {
            Verdict::Trusted
        } else {
            Verdict::Unknown
        }
    }

    /// The keys that this host may show.
    pub(super) fn trusted(&self, name: &str) -> impl Iterator<Item = &PublicKey> {
        self.lines
            .iter()
            .filter(move |line| line.standing == Standing::Trusted && line.names.matches(name))
            .map(|line| &line.key)
    }

    /// True if a certificate authority is all that is known of this host.
    pub(super) fn has_authority(&self, name: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.standing == Standing::Authority && line.names.matches(name))
    }

    /// What to offer to the host, best first. The types that are pinned come first, so that a host with several keys shows
    /// one that can be checked; the others follow only so that the error can name the key that the host does have. Never
    /// RSA with SHA-1.
    pub(super) fn algorithms(&self, name: &str) -> Vec<Algorithm> {
        let pinned: BTreeSet<Algorithm> = self.trusted(name).map(PublicKey::algorithm).collect();
        let (mut first, rest): (Vec<_>, Vec<_>) = supported()
            .into_iter()
            .partition(|(key_type, _)| pinned.contains(key_type));
        first.extend(rest);
        first.into_iter().map(|(_, algorithm)| algorithm).collect()
    }
}

/// The type of the key, and the algorithm that signs with it; OpenSSH's order.
fn supported() -> Vec<(Algorithm, Algorithm)> {
    let same = |algorithm: Algorithm| (algorithm.clone(), algorithm);
    vec![
        same(Algorithm::Ed25519),
        same(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        }),
        same(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        }),
        same(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP521,
        }),
        (
            Algorithm::Rsa { hash: None },
            Algorithm::Rsa {
                hash: Some(HashAlg::Sha512),
            },
        ),
        (
            Algorithm::Rsa { hash: None },
            Algorithm::Rsa {
                hash: Some(HashAlg::Sha256),
            },
        ),
    ]
}

/// None for a key of a type that is not supported.
fn known_hosts_line(line: &str) -> Result<Option<Line>, &'static str> {
    let mut fields = line.split_ascii_whitespace();
    let mut first = fields.next().ok_or("it is empty")?;
    let standing = match first {
        "@revoked" => Standing::Revoked,
        "@cert-authority" => Standing::Authority,
        marker if marker.starts_with('@') => return Err("its marker is neither @revoked nor @cert-authority"),
        _ => Standing::Trusted,
    };
    if standing != Standing::Trusted {
        first = fields.next().ok_or("it has no host")?;
    }
    let names: HostPatterns = first.parse().map_err(|_| "its host names are malformed")?;
    let key_type = fields.next().ok_or("it has no key")?;
    let known = supported().iter().any(|(supported, _)| supported.as_str() == key_type);
    let body = fields.next().ok_or("it has no key")?;
    if !known {
        return Ok(None);
    }
    let key = PublicKey::from_openssh(&format!("{key_type} {body}")).map_err(|_| "its key is malformed")?;
    Ok(Some(Line {
        standing,
        names: HostNames::Listed(names),
        key,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIoINdxAlbY8krLqcffmPHlrctvFejJ9VEmOR8nMMTGl";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILjRuoleH7DtzsgPDXYIxNP3BA3hRRhGe0ZN+ry3Uj8+";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC44ZOWDX955M3l69I9neifzjs3Y/VRsKr/PCy475h1IDMrw1ZnUrX0bDM9oxLCMit1t0KRvqhTM+4LaKMl4vRevH6/jyef1xFFwpqGuAUn4S+ve4onVfrEPpfCvckmCy0jT6caBtw5p5tBzBkKxfWJS+KKCdX1cuohS8XYUqcO0IXY5e4/55AHMqvbF294wFZefG+gTsZLCUdUPIF3vMnoZaAu2WGK1Qbo0fr4xDf0AgyMA/Z2pKWHHT7TRfo/yL1srIkIeGH4S2VHZJ3LsUdeRQobhohRkxNNBYZuE+hY5mJilOKkMo5we9RaHgW/8U8LUIpGV+cgDQ1O0Yu7v4dZ";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    #[test]
    fn a_pinned_key_holds_for_every_host_and_no_other_key_does() {
        let policy = HostKeyPolicy::from_keys(&[format!("{ED25519} a comment\n")]).unwrap();
        assert_eq!(policy.judge("any", &key(ED25519)), Verdict::Trusted);
        assert_eq!(policy.judge("any", &key(OTHER)), Verdict::Unknown);
    }

    #[test]
    fn the_pinned_type_is_offered_first_and_sha1_never() {
        let policy = HostKeyPolicy::from_keys(&[RSA.into()]).unwrap();
        let offered: Vec<_> = policy.algorithms("h").iter().map(ToString::to_string).collect();
        assert_eq!(offered[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
        assert!(!offered.contains(&"ssh-rsa".to_string()));
        let both = HostKeyPolicy::from_keys(&[RSA.into(), ED25519.into()]).unwrap();
        assert_eq!(both.algorithms("h")[0], Algorithm::Ed25519);
    }

    #[test]
    fn revoked_wins_and_an_authority_gives_no_trust() {
        let text =
            format!("# comment\n\nh {ED25519}\r\n@revoked * {ED25519}\n@cert-authority *.x {OTHER}\nh ssh-dss AAAA\n");
        let policy = HostKeyPolicy::from_known_hosts(&text).unwrap();
        assert_eq!(policy.judge("h", &key(ED25519)), Verdict::Revoked);
        assert_eq!(policy.judge("a.x", &key(OTHER)), Verdict::Unknown);
        assert!(policy.has_authority("a.x") && !policy.has_authority("h"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let keys = |text: &str| HostKeyPolicy::from_keys(&[text.into()]);
        assert_eq!(HostKeyPolicy::from_keys(&[]), Err(InvalidHostKeys::None));
        assert!(matches!(keys("SHA256:abc"), Err(InvalidHostKeys::Fingerprint(_))));
        assert!(matches!(keys("ssh-ed25519 AAAAC3Nz"), Err(InvalidHostKeys::Key(_))));
        assert_eq!(
            HostKeyPolicy::from_known_hosts("# nothing\n"),
            Err(InvalidHostKeys::None)
        );
        assert_eq!(
            HostKeyPolicy::from_known_hosts("h ssh-ed25519 x"),
            Err(InvalidHostKeys::KnownHosts {
                line: 1,
                why: "its key is malformed"
            })
        );
        assert_eq!(
            HostKeyPolicy::from_known_hosts("\n@other h ssh-ed25519 x"),
            Err(InvalidHostKeys::KnownHosts {
                line: 2,
                why: "its marker is neither @revoked nor @cert-authority"
            })
        );
    }
}
