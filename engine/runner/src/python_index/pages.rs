//! Which hosts an index sends its users to: its pages say so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use reqwest::{Client, StatusCode, Url, redirect};

/// For all questions to one index, at plan time: somebody waits.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most that is read of a page: those of projects with thousands of files have some.
const PAGE_BYTES: usize = 16 << 20;

/// A project that most indexes have: they serve, or pass on, the installer itself.
const WELL_KNOWN: &str = "pip/";

/// How to trust an index: as the user's pip does.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// PEM files beside the system's authorities.
    pub(super) certificates: Vec<PathBuf>,
    /// `host` or `host:port`.
    pub(super) trusted_hosts: Vec<String>,
}

/// The addresses of the page's answer and of what it links to. `url` may have credentials. Only a `private` index is followed to
/// addresses that are not on the public Internet.
pub(super) fn ask(url: &Url, is_index: bool, private: bool, trust: &Trust) -> Result<Vec<Url>, String> {
    // The planner may be called from within a runtime, where another one can't wait.
    let asked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| error.to_string())?;
                let asking = async { tokio::time::timeout(TIMEOUT, links(url, is_index, private, trust)).await };
                runtime
                    .block_on(asking)
                    .unwrap_or_else(|_| Err(format!("no answer within {} seconds", TIMEOUT.as_secs())))
            })
            .join()
    });
    asked.unwrap_or_else(|_| Err("the question ended early".to_owned()))
}

async fn links(url: &Url, is_index: bool, private: bool, trust: &Trust) -> Result<Vec<Url>, String> {
    let hops = Arc::new(Mutex::new(Vec::new()));
    let client = client(url, private, trust, hops.clone())?;
    let asking = Asking { client, first: url };
    let mut found = if is_index {
        asking.of_an_index().await?
    } else {
        let (at, text) = asking.page(url.clone()).await?.ok_or("there is no such page")?;
        targets(&at, &text)
    };
    found.append(&mut hops.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(found)
}

struct Asking<'a> {
    client: Client,
    /// With credentials, for other pages of the same origin too.
    first: &'a Url,
}

impl Asking<'_> {
    /// All projects of an index are served from the same places, so one is asked for.
    async fn of_an_index(&self) -> Result<Vec<Url>, String> {
        let mut index = self.first.clone();
        if !index.path().ends_with('/') {
            index.set_path(&format!("{}/", index.path()));
        }
        let project = index.join(WELL_KNOWN).map_err(|error| error.to_string())?;
        if let Some((at, text)) = self.page(project).await? {
            return Ok(targets(&at, &text));
        }
        let (at, text) = self.page(index).await?.ok_or("there is no such page")?;
        let Some(project) = targets(&at, &text).into_iter().next() else {
            return Ok(vec![at]);
        };
        match self.page(project).await? {
            Some((at, text)) => Ok(targets(&at, &text)),
            None => Ok(vec![at]),
        }
    }

    /// The page's own address at last, and its text. None: there is no such page.
    async fn page(&self, mut url: Url) -> Result<Option<(Url, String)>, String> {
        if url.origin() == self.first.origin() {
            // Only an address without a host can't have them.
            let _ = url.set_username(self.first.username());
            let _ = url.set_password(self.first.password());
        }
        // The error names the address, which may have a password in it.
        let plain = |error: reqwest::Error| reasons(&error.without_url());
        let asked = self.client.get(url).header("accept", "text/html").send();
        let mut response = asked.await.map_err(plain)?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status if !status.is_success() => return Err(format!("it answers {status}")),
            _ => {}
        }
        let at = response.url().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(plain)? {
            body.extend_from_slice(&chunk);
            if body.len() > PAGE_BYTES {
                break;
            }
        }
        Ok(Some((at, String::from_utf8_lossy(&body).into_owned())))
    }
}

fn client(url: &Url, private: bool, trust: &Trust, hops: Arc<Mutex<Vec<Url>>>) -> Result<Client, String> {
    let certificates = trust
        .certificates
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let trusted = is_trusted(url, &trust.trusted_hosts);
    let first = url.host_str().map(str::to_owned);
    let follow = redirect::Policy::custom(move |attempt| {
        let elsewhere = attempt.url().host_str() != first.as_deref();
        if elsewhere && (trusted || !private && super::leads_inside(attempt.url())) {
            // What another host says under the name of this one, or inside, is not asked for.
            return attempt.stop();
        }
        if attempt.previous().len() > 5 {
            return attempt.error("it redirects too often");
        }
        hops.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(attempt.url().clone());
        attempt.follow()
    });
    let tls = crate::http::tls(certificates).map_err(|error| error.to_string())?;
    let builder = if trusted {
        // The user's own configuration says so; nothing is downloaded here but the names of hosts.
        Client::builder().tls_danger_accept_invalid_certs(true)
    } else {
        Client::builder().tls_backend_preconfigured(tls)
    };
    let builder = if private {
        builder
    } else {
        builder.dns_resolver(crate::http::CheckingResolver)
    };
    builder
        .redirect(follow)
        .no_proxy()
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())
}

fn is_trusted(url: &Url, hosts: &[String]) -> bool {
    let Some(host) = url.host_str() else { return false };
    let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
    hosts
        .iter()
        .any(|trusted| trusted == host || Some(trusted) == with_port.as_ref())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// Where the links of a page lead (PEP 503 pages are plain lists of links).
fn targets(at: &Url, text: &str) -> Vec<Url> {
    let Ok(link) = Regex::new(r#"(?i)<a\s[^>]*?href\s*=\s*["']([^"'#]+)"#) else {
        return Vec::new();
    };
    link.captures_iter(text)
        .filter_map(|found| at.join(&found[1].replace("&amp;", "&")).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_page() {
        let at = Url::parse("https://index.example/simple/pip/").unwrap();
        let text = "<a href=\"../../files/a.whl#sha256=1\">a</a><A data-x='1' HREF='https://files.example:8443/b.whl'>b</A>\
                    <a href=\"mailto:x@y\">c</a><link href=\"https://other.example/\">";
        let found: Vec<_> = targets(&at, text).into_iter().map(String::from).collect();
        assert_eq!(
            found,
            ["https://index.example/files/a.whl", "https://files.example:8443/b.whl"]
        );
    }
}
