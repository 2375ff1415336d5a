//! HTTP requests, put together here and made by the broker.

use wasmtime::component::Resource;

use crate::attempt::Attempt;
use crate::bindings::http::{Error, Host, HostRequest, Response};
use crate::{HttpError, HttpRequest, HttpResponse};

impl Host for Attempt {}

impl HostRequest for Attempt {
    async fn new(&mut self, method: String, url: String) -> wasmtime::Result<Resource<HttpRequest>> {
        self.charge(method.len() + url.len())?;
        let request = HttpRequest {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
        };
        Ok(self.guest.table.push(request)?)
    }

    async fn header(&mut self, this: Resource<HttpRequest>, name: String, value: String) -> wasmtime::Result<()> {
        self.charge(name.len() + value.len())?;
        self.guest.table.get_mut(&this)?.headers.push((name, value));
        Ok(())
    }

    async fn body(&mut self, this: Resource<HttpRequest>, content: Vec<u8>) -> wasmtime::Result<()> {
        self.charge(content.len())?;
        let before = std::mem::replace(&mut self.guest.table.get_mut(&this)?.body, content);
        self.refund(before.len());
        Ok(())
    }

    async fn timeout_ms(&mut self, this: Resource<HttpRequest>, limit: u64) -> wasmtime::Result<()> {
        self.guest.table.get_mut(&this)?.timeout_ms = Some(limit);
        Ok(())
    }

    async fn send(&mut self, this: Resource<HttpRequest>) -> wasmtime::Result<Result<Response, Error>> {
        let request = self.guest.table.get(&this)?.clone();
        let answer = self.broker.http(request).await;
        if let Err(HttpError::NotGranted(text)) = &answer {
            self.note_denial(text);
        }
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    async fn drop(&mut self, this: Resource<HttpRequest>) -> wasmtime::Result<()> {
        let request = self.guest.table.delete(this)?;
        let headers: usize = request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.refund(request.method.len() + request.url.len() + headers + request.body.len());
        Ok(())
    }
}

impl From<HttpResponse> for Response {
    fn from(response: HttpResponse) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotGranted(text) => Self::NotGranted(text),
            HttpError::Unreachable(text) => Self::Unreachable(text),
            HttpError::Tls(text) => Self::Tls(text),
            HttpError::TimedOut => Self::TimedOut,
            HttpError::TooLarge(bytes) => Self::TooLarge(bytes),
            HttpError::Stopping => Self::Stopping,
            HttpError::Other(text) => Self::Other(text),
        }
    }
}
