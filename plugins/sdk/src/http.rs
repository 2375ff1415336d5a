//! HTTP requests, made by the engine.

use std::time::Duration;

use thiserror::Error;

use crate::bindings::tidegate::stage::http as host;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not granted: {0}")]
    NotGranted(String),
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is too large ({0} bytes)")]
    TooLarge(u64),
    #[error("stopped, because the run is being stopped")]
    Stopping,
    #[error("{0}")]
    Other(String),
}

/// A builder; the engine's default time limit holds unless `timeout` sets one.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    timeout: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
        }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.body = Some(content.into());
        self
    }

    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// An answer with any status is an answer, 500 too.
    pub fn send(&self) -> Result<Response, Error> {
        let request = host::Request::new(&self.method, &self.url);
        for (name, value) in &self.headers {
            request.header(name, value);
        }
        if let Some(body) = &self.body {
            request.body(body);
        }
        if let Some(timeout) = self.timeout {
            request.timeout_ms(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        }
        let response = request.send().map_err(from_host)?;
        Ok(Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
        })
    }
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// True for 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn from_host(error: host::Error) -> Error {
    match error {
        host::Error::NotGranted(text) => Error::NotGranted(text),
        host::Error::Unreachable(text) => Error::Unreachable(text),
        host::Error::Tls(text) => Error::Tls(text),
        host::Error::TimedOut => Error::TimedOut,
        host::Error::TooLarge(bytes) => Error::TooLarge(bytes),
        host::Error::Stopping => Error::Stopping,
        host::Error::Other(text) => Error::Other(text),
    }
}
