//! The user's `config.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::DeTable;

use super::Problems;
use super::document::read_document;
use super::fields::Fields;
use super::grants::check_name;
use super::node::{Node, entries_of};
use crate::code;
use crate::keys;
use crate::name::{VARIABLE_RULE, is_variable};
use crate::{Diagnostic, SecretSource, Source, Spanned, UserConfig};

/// Reads the user's configuration. The error is everything that is wrong with it, in the order of the places.
pub fn parse_user_config(source: &Source) -> Result<UserConfig, Vec<Diagnostic>> {
    match read_document(source, read_user_config) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}

fn read_user_config(table: &DeTable<'_>, problems: &mut Problems) -> UserConfig {
    let fields = Fields::new(
        entries_of(table),
        "the configuration",
        0..0,
        &keys::USER_CONFIG,
        problems,
    );
    let mut secrets = BTreeMap::new();
    let entries = fields.get("secrets").and_then(|node| node.entries(problems));
    for entry in entries.unwrap_or_default() {
        check_name(&entry, problems);
        let source = read_secret(&entry, problems);
        secrets.extend(source.map(|source| (entry.name.to_owned(), source)));
    }
    UserConfig { secrets }
}

fn read_secret(node: &Node<'_>, problems: &mut Problems) -> Option<Spanned<SecretSource>> {
    let name = node.name;
    let fields = Fields::open(node, &format!("[secrets.{name}]"), &keys::SECRET, problems)?;
    let source = match (fields.get("env"), fields.get("file")) {
        (Some(node), None) => {
            let rule = |text: &str| is_variable(text).then(|| text.to_owned()).ok_or(VARIABLE_RULE);
            let variable = node.parsed(code::INVALID_NAME, "a variable's name", problems, rule)?;
            variable.map(SecretSource::Env)
        }
        (None, Some(node)) => node.text(problems)?.map(|path| SecretSource::File(PathBuf::from(path))),
        (Some(env), Some(file)) => {
            let message = format!("[secrets.{name}] has two sources");
            let problem = Diagnostic::error(code::SECRET_SOURCE, message).at(&file.key, "and here");
            problems.push(problem.also(&env.key, "here").help("keep either `env` or `file`"));
            return None;
        }
        (None, None) => {
            let message = format!("[secrets.{name}] has no source");
            let problem = Diagnostic::error(code::SECRET_SOURCE, message).at(&fields.span, "where does it come from?");
            problems.push(problem.help("write `env = \"VARIABLE\"` or `file = \"PATH\"`"));
            return None;
        }
    };
    Some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        let problems = parse_user_config(&Source::new("config.toml", text)).unwrap_err();
        problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn reads_sources_without_opening_them() {
        let text = "[secrets]\ndeploy-key = { file = \"~/.ssh/deploy\" }\n[secrets.token]\nenv = \"PYPI_TOKEN\"\n";
        let config = parse_user_config(&Source::new("config.toml", text)).unwrap();
        assert_eq!(
            config.secrets["deploy-key"].value,
            SecretSource::File("~/.ssh/deploy".into())
        );
        assert_eq!(config.secrets["token"].value, SecretSource::Env("PYPI_TOKEN".into()));
        assert_eq!(
            parse_user_config(&Source::new("config.toml", "")).unwrap(),
            UserConfig::default()
        );
    }

    #[test]
    fn a_secret_has_exactly_one_source() {
        assert_eq!(
            codes("[secrets.a]\nenv = \"A\"\nfile = \"a\"\n[secrets.b]\n"),
            ["config/secret-source"; 2]
        );
        assert_eq!(codes("[secrets]\na = \"hunter2\"\n"), ["manifest/wrong-type"]);
        assert_eq!(
            codes("[secrets.a]\nvalue = \"hunter2\"\n"),
            ["config/secret-source", "manifest/unknown-key"]
        );
        assert_eq!(codes("[secrets.a]\nenv = \"A B\"\n"), ["manifest/invalid-name"]);
        assert_eq!(codes("[secret.a]\nenv = \"A\"\n"), ["manifest/unknown-key"]);
    }
}
