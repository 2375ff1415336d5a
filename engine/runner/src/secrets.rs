//! Secrets: where they come from is the user's business, who may use them is the manifest's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tidegate_manifest::SecretSource;
use zeroize::Zeroizing;

use crate::Host;

/// Largest secret: a private key with a certificate chain fits many times.
const MAX_BYTES: u64 = 256 << 10;

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("no source for the secret `{name}`")]
    NoSource { name: String },
    #[error("the secret `{name}` is to come from the variable {variable}, which is not set")]
    NotSet { name: String, variable: String },
    #[error("the secret `{name}` is to come from {}: {error}", path.display())]
    Unreadable {
        name: String,
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the secret `{name}` is larger than {MAX_BYTES} bytes")]
    TooLarge { name: String },
    #[error("the secret `{name}` is empty")]
    Empty { name: String },
    #[error("the secret `{name}` is not text (UTF-8)")]
    NotText { name: String },
}

/// Values of the secrets that a plan names, read once when the run starts.
#[derive(Default)]
pub struct Secrets {
    values: BTreeMap<String, Zeroizing<String>>,
}

impl Secrets {
    /// Reads all of `names`; every error, not the first.
    pub fn read<'a>(
        names: impl IntoIterator<Item = &'a str>,
        sources: &BTreeMap<String, SecretSource>,
        host: &Host,
    ) -> Result<Self, Vec<SecretError>> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for name in names {
            match read_one(name, sources, host) {
                Ok(value) => {
                    values.insert(name.to_owned(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { values })
        } else {
            Err(errors)
        }
    }

    #[cfg(test)]
    pub(crate) fn of<const N: usize>(values: [(&str, &str); N]) -> Self {
        Self {
            values: values
                .map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned())))
                .into(),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.values.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn read_one(
    name: &str,
    sources: &BTreeMap<String, SecretSource>,
    host: &Host,
) -> Result<Zeroizing<String>, SecretError> {
    let name = name.to_owned();
    let value = match sources.get(&name) {
        None => return Err(SecretError::NoSource { name }),
        Some(SecretSource::Env(variable)) => match host.var(variable) {
            Some(value) => Zeroizing::new(value.to_owned()),
            None => {
                return Err(SecretError::NotSet {
                    name,
                    variable: variable.clone(),
                });
            }
        },
        Some(SecretSource::File(path)) => {
            let path = host.expand_home(path);
            let unreadable = |error| SecretError::Unreadable {
                name: name.clone(),
                path: path.clone(),
                error,
            };
            if std::fs::metadata(&path).map_err(unreadable)?.len() > MAX_BYTES {
                return Err(SecretError::TooLarge { name });
            }
            let bytes = Zeroizing::new(std::fs::read(&path).map_err(unreadable)?);
            match std::str::from_utf8(&bytes) {
                Ok(text) => Zeroizing::new(text.to_owned()),
                Err(_) => return Err(SecretError::NotText { name }),
            }
        }
    };
    if value.trim().is_empty() {
        Err(SecretError::Empty { name })
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host {
            env: BTreeMap::from([("TOKEN".into(), "s3cr3t".into()), ("BLANK".into(), " ".into())]),
            ..Host::bare()
        }
    }

    #[test]
    fn every_error_is_told() {
        let sources = BTreeMap::from([
            ("token".to_owned(), SecretSource::Env("TOKEN".into())),
            ("blank".to_owned(), SecretSource::Env("BLANK".into())),
            ("unset".to_owned(), SecretSource::Env("UNSET".into())),
            ("file".to_owned(), SecretSource::File("/does/not/exist".into())),
        ]);
        let secrets = Secrets::read(["token"], &sources, &host()).unwrap();
        assert_eq!(secrets.get("token").unwrap().as_str(), "s3cr3t");
        let errors = Secrets::read(["blank", "unset", "file", "none"], &sources, &host())
            .err()
            .unwrap();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "the secret `blank` is empty");
        assert_eq!(
            texts[1],
            "the secret `unset` is to come from the variable UNSET, which is not set"
        );
        assert!(
            texts[2].starts_with("the secret `file` is to come from /does/not/exist: No such file"),
            "{}",
            texts[2]
        );
        assert_eq!(texts[3], "no source for the secret `none`");
    }
}
