//! `http` without `grant.http`.

use wasmtime::component::Resource;

use super::{Denied, quoted};
use crate::HttpRequest;
use crate::bindings::http;
use crate::clip::clip;
use crate::limits::NAME_BYTES;

impl http::Host for Denied<'_> {}

impl http::HostRequest for Denied<'_> {
    async fn new(&mut self, method: String, url: String) -> wasmtime::Result<Resource<HttpRequest>> {
        let request = HttpRequest {
            method: clip(method, NAME_BYTES),
            url: clip(url, NAME_BYTES),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
        };
        Ok(self.table.push(request)?)
    }

    async fn header(&mut self, _: Resource<HttpRequest>, _name: String, _value: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn body(&mut self, _: Resource<HttpRequest>, _content: Vec<u8>) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn timeout_ms(&mut self, _: Resource<HttpRequest>, _limit: u64) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn send(&mut self, this: Resource<HttpRequest>) -> wasmtime::Result<Result<http::Response, http::Error>> {
        let origin = origin(&self.table.get(&this)?.url).to_owned();
        Ok(Err(http::Error::NotGranted(self.refuse(
            "http",
            "http",
            &format!("[{}]", quoted(&origin)),
        ))))
    }

    async fn drop(&mut self, this: Resource<HttpRequest>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// Scheme, host and port of an absolute URL; else the text itself. Good enough for a hint, and used for nothing else.
fn origin(url: &str) -> &str {
    let Some(start) = url.find("://").map(|at| at + 3) else {
        return url;
    };
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_of_a_url() {
        assert_eq!(origin("https://example.com:8443/a?b"), "https://example.com:8443");
        assert_eq!(origin("https://example.com"), "https://example.com");
        assert_eq!(origin("/a"), "/a");
    }
}
