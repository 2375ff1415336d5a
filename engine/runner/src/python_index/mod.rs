//! `@python-index`: where the user's pip and uv look for packages. Read from the user's and the system's configuration, never
//! from the project's; credentials are left out. No host is built in: without a setting, pip itself is asked.

mod credentials;
mod pages;
mod pip_files;
mod uv_files;

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use reqwest::Url;
use tidegate_confine::is_public;
use tidegate_manifest::NetGrant;

use crate::Host;
use crate::plan::PythonIndexPlan;
use crate::program::default_index;
use credentials::{with_credentials, without_credentials};
use pages::Trust;

/// Variables of uv, and those by which both find certificates.
const VARIABLES: [&str; 12] = [
    "PIP_DEFAULT_TIMEOUT",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_NATIVE_TLS",
    "UV_HTTP_TIMEOUT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
];

/// Those that name indexes, and those that name pages or folders of packages.
const INDEXES: [&str; 6] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
];
const LINKS: [&str; 2] = ["PIP_FIND_LINKS", "UV_FIND_LINKS"];

/// What one of the two tools is told, and the other one then is too: whoever has an index has it for both.
const SHARED: [(&str, &str); 3] = [
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
    ("PIP_NO_INDEX", "UV_NO_INDEX"),
];

/// `python`: a program of this machine whose pip is asked for its own index if no setting names one.
pub(crate) fn read(host: &Host, python: Option<&Path>) -> PythonIndexPlan {
    let mut env = settings(host);
    share(&mut env);
    let mut plan = PythonIndexPlan::default();
    let mut hosts = Hosts::default();
    let trust = trust(&env);
    let without_index = env.get("PIP_NO_INDEX").is_some_and(|value| is_true(value));
    if !without_index && !env.contains_key("PIP_INDEX_URL") {
        match python.map(|python| default_index(python, host)) {
            Some(Ok(urls)) => urls.iter().for_each(|url| hosts.add(url, true)),
            Some(Err(why)) => plan.notes.push(why),
            None => plan
                .notes
                .push("no Python is granted that could say which index is its own".into()),
        }
    }
    for (name, value) in &env {
        let is_index = INDEXES.contains(&name.as_str());
        if !is_index && !LINKS.contains(&name.as_str()) || is_index && without_index {
            continue;
        }
        for place in parts(name, value) {
            match Url::parse(named(place)) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => {
                    hosts.add_with_files(&url, is_index, &trust, &mut plan.notes)
                }
                _ => {}
            }
        }
    }
    for (name, value) in &mut env {
        let clean = rejoin(name, value, without_credentials);
        if clean != *value {
            plan.withheld.push(name.clone());
            *value = clean;
        }
    }
    plan.read = paths(&env);
    // Nobody is there to be asked for a password.
    env.insert("PIP_NO_INPUT".into(), "1".into());
    plan.env = env;
    plan.net = hosts.0;
    plan.notes.sort();
    plan.notes.dedup();
    plan
}

/// What programs are given. `login`: user name and password as in a URL, for the indexes that had one, or for all if none had.
pub(crate) fn variables(plan: &PythonIndexPlan, login: Option<&str>) -> BTreeMap<String, String> {
    let mut env = plan.env.clone();
    let Some(login) = login else { return env };
    for (name, value) in &mut env {
        let is_index = INDEXES.contains(&name.as_str());
        if is_index && (plan.withheld.is_empty() || plan.withheld.contains(name)) {
            *value = rejoin(name, value, |part| with_credentials(part, login));
        }
    }
    env
}

fn settings(host: &Host) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let read = |files: Vec<PathBuf>| files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
    for text in read(pip_files::files(host)) {
        let settings = pip_files::settings(&text).into_iter();
        env.extend(settings.map(|(key, value)| (pip_files::variable(&key), value)));
    }
    for text in read(uv_files::files(host)) {
        env.extend(uv_files::settings(&text));
    }
    let from_env = pip_files::KEYS
        .iter()
        .map(|key| pip_files::variable(key))
        .chain(VARIABLES.map(str::to_owned));
    for name in from_env {
        if let Some(value) = host.var(&name) {
            env.insert(name, value.to_owned());
        }
    }
    env
}

fn share(env: &mut BTreeMap<String, String>) {
    // uv's older name for the same.
    if let (Some(old), false) = (env.get("UV_INDEX_URL").cloned(), env.contains_key("UV_DEFAULT_INDEX")) {
        env.insert("UV_DEFAULT_INDEX".into(), old);
        env.remove("UV_INDEX_URL");
    }
    for (one, other) in SHARED {
        match (env.get(one).cloned(), env.get(other).cloned()) {
            (Some(value), None) => drop(env.insert(other.into(), value)),
            (None, Some(value)) => {
                // A name before an index means something to uv alone.
                let plain: Vec<_> = value.split_whitespace().map(named).collect();
                env.insert(one.into(), plain.join(" "));
            }
            _ => {}
        }
    }
    match (env.get("PIP_FIND_LINKS").cloned(), env.get("UV_FIND_LINKS").cloned()) {
        (Some(value), None) => {
            let places: Vec<_> = value.split_whitespace().collect();
            env.insert("UV_FIND_LINKS".into(), places.join(","));
        }
        (None, Some(value)) => drop(env.insert("PIP_FIND_LINKS".into(), value.replace(',', " "))),
        _ => {}
    }
    if let (Some(certificates), false) = (env.get("PIP_CERT").cloned(), env.contains_key("SSL_CERT_FILE")) {
        env.insert("SSL_CERT_FILE".into(), certificates);
    }
}

fn trust(env: &BTreeMap<String, String>) -> Trust {
    let files = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"].map(|name| env.get(name).map(PathBuf::from));
    let mut certificates: Vec<_> = files.into_iter().flatten().filter(|path| path.is_file()).collect();
    certificates.dedup();
    Trust {
        certificates,
        trusted_hosts: env
            .get("PIP_TRUSTED_HOST")
            .into_iter()
            .flat_map(|hosts| hosts.split_whitespace().map(str::to_owned))
            .collect(),
    }
}

/// Indexes and their file hosts together: a handful, whatever a page says.
const MAX_HOSTS: usize = 16;

/// Destinations, each once.
#[derive(Debug, Default)]
struct Hosts(Vec<NetGrant>);

impl Hosts {
    /// The user's own configuration may name a private host; what an index on the Internet points to may not be one.
    fn add(&mut self, url: &Url, private: bool) {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let grant = if is_loopback(host) {
            NetGrant::HostLoopback { port }
        } else {
            let host = host.to_owned();
            NetGrant::Host { host, port, private }
        };
        let same = |known: &NetGrant| match (known, &grant) {
            (
                NetGrant::Host { host, port, .. },
                NetGrant::Host {
                    host: other, port: at, ..
                },
            ) => host == other && port == at,
            _ => *known == grant,
        };
        if !self.0.iter().any(same) && self.0.len() < MAX_HOSTS {
            self.0.push(grant);
        }
    }

    fn add_with_files(&mut self, url: &Url, is_index: bool, trust: &Trust, notes: &mut Vec<String>) {
        self.add(url, true);
        let private = is_private(url);
        match pages::ask(url, is_index, private, trust) {
            Ok(found) => {
                // An index on the Internet can't give away what is inside.
                let usable = |found: &&Url| private || !leads_inside(found);
                found.iter().filter(usable).for_each(|found| self.add(found, private));
            }
            Err(why) => {
                let host = url.host_str().unwrap_or_default();
                notes.push(format!("{host} did not say where its files are: {why}"));
            }
        }
    }
}

/// An address, or the name of this machine, that is not on the public Internet. Other names are checked when they are connected to.
fn leads_inside(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return true };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    is_loopback(host)
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| !is_public(address.to_canonical()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An index on a network of its own.
fn is_private(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host, port).to_socket_addrs().is_ok_and(|addresses| {
        let private: Vec<_> = addresses.map(|address| !is_public(address.ip())).collect();
        // One of several would let whoever is on the Internet point inside.
        !private.is_empty() && private.into_iter().all(|private| private)
    })
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
}

/// The values of a variable that may have several.
fn parts<'a>(name: &str, value: &'a str) -> impl Iterator<Item = &'a str> {
    let by_comma = name == "UV_FIND_LINKS";
    value
        .split(move |c: char| c.is_whitespace() || (by_comma && c == ','))
        .filter(|part| !part.is_empty())
}

fn rejoin(name: &str, value: &str, change: impl Fn(&str) -> String) -> String {
    let separator = if name == "UV_FIND_LINKS" { "," } else { " " };
    parts(name, value).map(change).collect::<Vec<_>>().join(separator)
}

/// `NAME=URL`, as uv allows, without the name.
fn named(index: &str) -> &str {
    match index.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => url,
        _ => index,
    }
}

/// Certificates and folders of packages.
fn paths(env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let mut paths: Vec<_> = env
        .iter()
        .flat_map(|(name, value)| parts(name, value).filter_map(existing_path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn existing_path(value: &str) -> Option<PathBuf> {
    let path = Path::new(value.strip_prefix("file://").unwrap_or(value));
    (path.is_absolute() && path.exists()).then(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(folder: &Path, env: &[(&str, &str)]) -> Host {
        Host {
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            home: Some(folder.into()),
            ..Host::bare()
        }
    }

    #[test]
    fn the_environment_wins_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pip.conf");
        std::fs::write(&file, "[global]\nno-index = true\ntimeout = 5\n").unwrap();
        let host = host(
            folder.path(),
            &[
                ("PIP_CONFIG_FILE", file.to_str().unwrap()),
                ("PIP_INDEX_URL", "https://u:p@env.invalid"),
                ("PIP_CERT", file.to_str().unwrap()),
                ("AWS_SECRET", "x"),
            ],
        );
        let plan = read(&host, None);
        assert_eq!(plan.env["PIP_INDEX_URL"], "https://env.invalid");
        assert_eq!(plan.env["PIP_TIMEOUT"], "5");
        assert_eq!(plan.env["SSL_CERT_FILE"], file.to_str().unwrap());
        assert_eq!(plan.read, [file]);
        assert_eq!(plan.withheld, ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"]);
        assert!(!plan.env.contains_key("AWS_SECRET"));
        assert_eq!((plan.net, plan.notes), (vec![], vec![]));
    }

    #[test]
    fn credentials_come_back_where_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let settings = [
            ("PIP_NO_INDEX", "1"),
            ("PIP_INDEX_URL", "https://u:p@a.invalid"),
            ("PIP_EXTRA_INDEX_URL", "https://b.invalid"),
        ];
        let plan = read(&host(folder.path(), &settings), None);
        assert_eq!(variables(&plan, None), plan.env);
        let env = variables(&plan, Some("me:pw"));
        assert_eq!(env["PIP_INDEX_URL"], "https://me:pw@a.invalid");
        assert_eq!(env["PIP_EXTRA_INDEX_URL"], "https://b.invalid");
    }

    #[test]
    fn what_one_tool_knows_the_other_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join(".config/uv");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(
            config.join("uv.toml"),
            "no-index = true\nfind-links = [\"/srv/a\", \"/srv/b\"]\n[[index]]\nurl = \"https://a.invalid/simple\"\ndefault = true\n",
        )
        .unwrap();
        let plan = read(&host(folder.path(), &[("UV_INDEX", "own=https://b.invalid")]), None);
        let expected = [
            ("PIP_EXTRA_INDEX_URL", "https://b.invalid"),
            ("PIP_FIND_LINKS", "/srv/a /srv/b"),
            ("PIP_INDEX_URL", "https://a.invalid/simple"),
            ("PIP_NO_INDEX", "1"),
            ("PIP_NO_INPUT", "1"),
            ("UV_DEFAULT_INDEX", "https://a.invalid/simple"),
            ("UV_FIND_LINKS", "/srv/a,/srv/b"),
            ("UV_INDEX", "own=https://b.invalid"),
            ("UV_NO_INDEX", "1"),
        ];
        // This machine's own configuration may name certificates.
        let own = plan.env.iter().filter(|(name, _)| !name.contains("CERT"));
        let env: Vec<_> = own.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(env, expected);
    }

    #[test]
    fn a_page_on_the_internet_does_not_lead_inside() {
        for inside in [
            "http://169.254.169.254/latest",
            "http://10.0.0.5:8080/",
            "http://localhost:6379/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]:5432/",
            "http://[fd00::1]/",
        ] {
            assert!(leads_inside(&Url::parse(inside).unwrap()), "{inside}");
        }
        for outside in ["https://files.example.com/a", "https://1.1.1.1/"] {
            assert!(!leads_inside(&Url::parse(outside).unwrap()), "{outside}");
        }
    }

    /// Nobody listens at these ports.
    #[test]
    fn an_index_that_is_not_there_is_granted_and_noted() {
        let folder = tempfile::tempdir().unwrap();
        let host = host(
            folder.path(),
            &[
                ("PIP_INDEX_URL", "http://127.0.0.1:9/simple"),
                ("PIP_FIND_LINKS", "http://localhost:7/"),
            ],
        );
        let plan = read(&host, None);
        assert_eq!(
            plan.net,
            [NetGrant::HostLoopback { port: 7 }, NetGrant::HostLoopback { port: 9 }]
        );
        assert_eq!(plan.notes.len(), 2, "{:?}", plan.notes);
        assert!(
            plan.notes[0].starts_with("127.0.0.1 did not say where its files are: "),
            "{:?}",
            plan.notes
        );
    }
}
