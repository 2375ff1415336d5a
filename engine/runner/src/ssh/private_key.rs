//! The private key of a target, from the text of a secret.

use std::sync::Arc;

use russh::keys::{Algorithm, Error as KeyError, HashAlg, PrivateKey, decode_secret_key};
use thiserror::Error;
use zeroize::Zeroizing;

/// Says what is wrong with the text of a key, never any of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum InvalidPrivateKey {
    #[error("the key is empty")]
    Empty,
    #[error("it is a public key, and the private one is needed: the file without .pub")]
    Public,
    #[error("it is the path of a file, and the content of the file is needed")]
    Path,
    #[error("it is a PuTTY key; convert it with: puttygen KEY.ppk -O private-openssh -o KEY")]
    Putty,
    #[error("it is no private key: there is no line like \"-----BEGIN OPENSSH PRIVATE KEY-----\"")]
    NoKey,
    #[error("it ends before its last line, \"-----END … PRIVATE KEY-----\"")]
    CutOff,
    #[error("it is encrypted, and no passphrase is given")]
    Encrypted,
    #[error("its passphrase is wrong")]
    Passphrase,
    #[error("its encryption is too old to be read; convert it with: ssh-keygen -p -f KEY")]
    OldEncryption,
    #[error("its type {0} can't be used; ed25519, ecdsa and rsa can")]
    Type(String),
    #[error("it is damaged ({0})")]
    Damaged(String),
}

/// Reads OpenSSH, PKCS#8, PKCS#1 and SEC1 keys in PEM, with any line ends, and without a newline at the end. The passphrase
/// is used only where the key is encrypted.
pub(super) fn read(text: &str, passphrase: Option<&str>) -> Result<Arc<PrivateKey>, InvalidPrivateKey> {
    let text = text.trim().trim_start_matches('\u{feff}').trim_start();
    let label = label(text)?;
    // Secrets pasted into a form arrive with CRLF or with spaces at the ends of lines.
    let mut pem = Zeroizing::new(String::with_capacity(text.len() + 1));
    for line in text.lines() {
        pem.push_str(line.trim());
        pem.push('\n');
    }
    if !pem.contains(&format!("-----END {label}-----")) {
        return Err(InvalidPrivateKey::CutOff);
    }
    let legacy = pem.contains("Proc-Type: 4,ENCRYPTED");
    if legacy && !(label == "RSA PRIVATE KEY" && pem.contains("DEK-Info: AES-128-CBC,")) {
        return Err(InvalidPrivateKey::OldEncryption);
    }
    let encrypted = match label {
        "OPENSSH PRIVATE KEY" => PrivateKey::from_openssh(pem.as_str()).map_err(damaged)?.is_encrypted(),
        "ENCRYPTED PRIVATE KEY" => true,
        _ => legacy,
    };
    let key = match (encrypted, passphrase) {
        (false, _) => decode_secret_key(&pem, None).map_err(damaged)?,
        (true, None) => return Err(InvalidPrivateKey::Encrypted),
        // What comes out of a wrong passphrase is noise, and the errors about noise are many.
        (true, Some(passphrase)) => {
            decode_secret_key(&pem, Some(passphrase)).map_err(|_| InvalidPrivateKey::Passphrase)?
        }
    };
    let kind = key.algorithm();
    if !matches!(
        kind,
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. }
    ) {
        return Err(InvalidPrivateKey::Type(kind.to_string()));
    }
    Ok(Arc::new(key))
}

/// `ssh-ed25519 SHA256:…`, for messages.
pub(super) fn name(key: &PrivateKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// The text between `-----BEGIN ` and `-----`.
fn label(text: &str) -> Result<&str, InvalidPrivateKey> {
    if text.is_empty() {
        return Err(InvalidPrivateKey::Empty);
    }
    if text.starts_with("PuTTY-User-Key-File-") {
        return Err(InvalidPrivateKey::Putty);
    }
    let public = [
        "ssh-",
        "ecdsa-",
        "sk-",
        "---- BEGIN SSH2 PUBLIC KEY",
        "-----BEGIN PUBLIC KEY",
        "-----BEGIN RSA PUBLIC",
    ];
    if public.iter().any(|start| text.starts_with(start)) {
        return Err(InvalidPrivateKey::Public);
    }
    if text.lines().count() == 1 && (text.starts_with(['/', '~', '.']) || text.contains("/id_")) {
        return Err(InvalidPrivateKey::Path);
    }
    text.lines()
        .find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .filter(|label| label.ends_with("PRIVATE KEY"))
        .ok_or(InvalidPrivateKey::NoKey)
}

fn damaged(error: impl Into<KeyError>) -> InvalidPrivateKey {
    InvalidPrivateKey::Damaged(error.into().to_string())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn made(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let status = Command::new("ssh-keygen")
            .args(["-q", "-C", "", "-f"])
            .arg(&file)
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success());
        std::fs::read_to_string(file).unwrap()
    }

    #[test]
    fn the_usual_types_and_formats_are_read() {
        for (kind, format) in [
            ("ed25519", "RFC4716"),
            ("ecdsa", "RFC4716"),
            ("ecdsa", "PKCS8"),
            ("ecdsa", "PEM"),
            ("rsa", "RFC4716"),
            ("rsa", "PKCS8"),
            ("rsa", "PEM"),
        ] {
            for passphrase in ["", "a passphrase"] {
                // ssh-keygen encrypts PEM with AES-128-CBC and MD5, which is only read for RSA.
                if !passphrase.is_empty() && (kind, format) == ("ecdsa", "PEM") {
                    continue;
                }
                let text = made(&["-t", kind, "-m", format, "-N", passphrase]);
                let read = |text: &str| read(text, Some(passphrase).filter(|p| !p.is_empty()));
                assert!(read(&text).is_ok(), "{kind} {format} {passphrase:?}: {:?}", read(&text));
                assert!(read(text.trim_end()).is_ok());
                assert!(read(&text.replace('\n', "\r\n")).is_ok());
            }
        }
    }

    #[test]
    fn a_passphrase_that_is_not_needed_does_no_harm() {
        assert!(read(&made(&["-t", "ecdsa", "-m", "PKCS8", "-N", ""]), Some("unused")).is_ok());
    }

    #[test]
    fn each_mistake_has_its_own_text() {
        let encrypted = made(&["-t", "ed25519", "-N", "right"]);
        assert_eq!(read(&encrypted, None), Err(InvalidPrivateKey::Encrypted));
        assert_eq!(read(&encrypted, Some("wrong")), Err(InvalidPrivateKey::Passphrase));
        let pkcs8 = made(&["-t", "rsa", "-m", "PKCS8", "-N", "right"]);
        assert_eq!(read(&pkcs8, Some("wrong")), Err(InvalidPrivateKey::Passphrase));
        let pem = made(&["-t", "ecdsa", "-m", "PEM", "-N", "right"]);
        assert_eq!(read(&pem, Some("right")), Err(InvalidPrivateKey::OldEncryption));
        assert_eq!(read("", None), Err(InvalidPrivateKey::Empty));
        assert_eq!(read("ssh-ed25519 AAAA me@here", None), Err(InvalidPrivateKey::Public));
        assert_eq!(read("~/.ssh/id_ed25519", None), Err(InvalidPrivateKey::Path));
        assert_eq!(
            read("PuTTY-User-Key-File-3: ssh-ed25519", None),
            Err(InvalidPrivateKey::Putty)
        );
        assert_eq!(read("hunter2", None), Err(InvalidPrivateKey::NoKey));
        assert_eq!(read(&encrypted[..200], None), Err(InvalidPrivateKey::CutOff));
        let damaged = encrypted.replacen("b3BlbnNzaC1rZXktdjE", "AAAAAAAAAAAAAAAAAAA", 1);
        assert!(matches!(read(&damaged, None), Err(InvalidPrivateKey::Damaged(_))));
    }
}
