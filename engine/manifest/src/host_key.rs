//! The form of a host's public key in `host-keys`. The key itself is checked where it is used.

/// What OpenSSH's servers offer today; `ssh-dss` is gone, and `ssh-rsa` names the key, not the signature.
const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidHostKey {
    #[error("a fingerprint can't stand for the key, expected the full public key: `ssh-ed25519 AAAA…`")]
    Fingerprint,
    #[error("this is a private key; it must never stand in a manifest")]
    Private,
    #[error("expected the key alone, without the host's name before it: `ssh-ed25519 AAAA…`")]
    KnownHostsLine,
    #[error("expected an algorithm and the key: `ssh-ed25519 AAAA…`")]
    Algorithm,
    #[error("the key after the algorithm is not base64, or not complete")]
    Base64,
}

/// Checks `ALGORITHM BASE64 [comment]`.
pub(crate) fn check_host_key(text: &str) -> Result<(), InvalidHostKey> {
    if text.contains("PRIVATE KEY") {
        return Err(InvalidHostKey::Private);
    }
    if text.starts_with("SHA256:") || text.starts_with("MD5:") {
        return Err(InvalidHostKey::Fingerprint);
    }
    let mut words = text.split_ascii_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !ALGORITHMS.contains(&first) {
        return Err(match ALGORITHMS.contains(&second) {
            true => InvalidHostKey::KnownHostsLine,
            false => InvalidHostKey::Algorithm,
        });
    }
    // RFC 4253, 6.6: the blob begins with the algorithm's length as four bytes, hence `AAAA`.
    let digits = second.trim_end_matches('=');
    let base64 = digits
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    if base64 && second.starts_with("AAAA") && second.len().is_multiple_of(4) && second.len() - digits.len() <= 2 {
        Ok(())
    } else {
        Err(InvalidHostKey::Base64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJ6m5R1wYbPzQ0bq0cVdkWfXo2oJ2kq7yT3Zx0WqH1aB";

    #[test]
    fn tells_apart_what_people_paste() {
        let check = |text: &str| check_host_key(text);
        assert_eq!(check(&format!("ssh-ed25519 {KEY} root@web")), Ok(()));
        assert_eq!(
            check(&format!("web.example ssh-ed25519 {KEY}")),
            Err(InvalidHostKey::KnownHostsLine)
        );
        assert_eq!(
            check("SHA256:uNiVztksCsDhcc0u9e8BrrJXxV8Sj6NqvhGF4P3lkgA"),
            Err(InvalidHostKey::Fingerprint)
        );
        assert_eq!(
            check("-----BEGIN OPENSSH PRIVATE KEY-----"),
            Err(InvalidHostKey::Private)
        );
        assert_eq!(check(KEY), Err(InvalidHostKey::Algorithm));
        assert_eq!(check("ssh-ed25519 AAAA…"), Err(InvalidHostKey::Base64));
        assert_eq!(check(""), Err(InvalidHostKey::Algorithm));
    }
}
