//! uv's configuration files, of the system and of the user.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Host;

/// What is read of a `uv.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct UvToml {
    index: Vec<Index>,
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    find_links: Vec<String>,
    no_index: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Index {
    url: String,
    #[serde(default)]
    default: bool,
}

/// A later one wins.
pub(super) fn files(host: &Host) -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/uv/uv.toml")];
    let config = host
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(host.home.as_ref()?.join(".config")));
    files.extend(config.map(|config| config.join("uv/uv.toml")));
    files.extend(host.var("UV_CONFIG_FILE").map(PathBuf::from));
    files
}

/// As uv's variables. Nothing of a file that can't be read: uv says what is wrong with it.
pub(super) fn settings(text: &str) -> Vec<(String, String)> {
    let Ok(read) = toml::from_str::<UvToml>(text) else {
        return Vec::new();
    };
    let (default, others): (Vec<_>, Vec<_>) = read.index.into_iter().partition(|index| index.default);
    let default = default.into_iter().next().map(|index| index.url).or(read.index_url);
    let others: Vec<_> = others
        .into_iter()
        .map(|index| index.url)
        .chain(read.extra_index_url)
        .collect();
    let mut settings = Vec::new();
    settings.extend(default.map(|url| ("UV_DEFAULT_INDEX".to_owned(), url)));
    if !others.is_empty() {
        settings.push(("UV_INDEX".to_owned(), others.join(" ")));
    }
    if !read.find_links.is_empty() {
        settings.push(("UV_FIND_LINKS".to_owned(), read.find_links.join(",")));
    }
    if read.no_index == Some(true) {
        settings.push(("UV_NO_INDEX".to_owned(), "1".to_owned()));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_naming_an_index() {
        let text = "find-links = [\"/srv/a\", \"/srv/b\"]\n[[index]]\nurl = \"https://a.example/simple\"\n\
                    [[index]]\nname = \"own\"\nurl = \"https://b.example/simple\"\ndefault = true\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            settings(text),
            [
                pair("UV_DEFAULT_INDEX", "https://b.example/simple"),
                pair("UV_INDEX", "https://a.example/simple"),
                pair("UV_FIND_LINKS", "/srv/a,/srv/b"),
            ]
        );
        let old = "index-url = \"https://c.example\"\nno-index = true\n";
        assert_eq!(
            settings(old),
            [pair("UV_DEFAULT_INDEX", "https://c.example"), pair("UV_NO_INDEX", "1")]
        );
        assert_eq!(settings("= nonsense"), []);
    }
}
