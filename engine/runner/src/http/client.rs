//! Requests to granted origins.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use thiserror::Error;
use tidegate_sandbox::{HttpError, HttpRequest, HttpResponse, Stop};
use tokio::sync::OnceCell;

use super::failure::failure;
use super::limits::{BODY_BYTES, HEADER_BYTES, HEADERS, TIMEOUT};
use super::origin::{Origin, parse_url};
use super::resolver::CheckingResolver;
use crate::interrupt::Interrupt;

/// Headers that decide which server answers or where a message ends; they belong to the engine.
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Sends requests to the granted origins and to no others.
///
/// - An origin is compared by scheme, host and port. A name that resolves to a private address is refused; an address, or
///   `localhost`, is allowed where the grant names it.
/// - Redirects are not followed: the stage gets them as answers, and asks again where its grants allow it.
/// - Proxies of the environment are not used. Every request has a connection of its own: after a deployment, one that was
///   kept could still lead to the old release.
/// - Certificates are checked as the system does; on Linux that includes `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub struct HttpClient {
    origins: BTreeSet<Origin>,
    /// Each made for its first request: a machine without any authorities can run what never asks, and ask plain hosts.
    plain: OnceCell<Client>,
    secure: OnceCell<Client>,
}

#[derive(Debug, Error)]
enum ClientError {
    #[error(
        "the certificates of this system's authorities can't be read: {0}; install ca-certificates or set SSL_CERT_FILE"
    )]
    Roots(#[source] rustls::Error),
    #[error("TLS can't be set up: {0}")]
    Tls(#[source] rustls::Error),
    #[error("the HTTP client can't be set up: {0}")]
    Client(#[source] reqwest::Error),
}

impl HttpClient {
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self {
            origins: origins.into_iter().collect(),
            plain: OnceCell::new(),
            secure: OnceCell::new(),
        }
    }

    async fn client(&self, secure: bool) -> Result<&Client, HttpError> {
        let kept = if secure { &self.secure } else { &self.plain };
        // Reading the authorities blocks.
        let made = async || match tokio::task::spawn_blocking(move || client(secure)).await {
            Ok(made) => made.map_err(|error| HttpError::Tls(error.to_string())),
            Err(error) => Err(HttpError::Other(error.to_string())),
        };
        kept.get_or_try_init(made).await
    }

    /// Sends one request and reads all of the response. The time limit covers both; 30 seconds by default.
    ///
    /// # Errors
    ///
    /// `NotGranted` for an origin that is not granted or leads to a private address; `Tls` when the host can't be trusted, or
    /// this machine knows nobody to trust; `Unreachable` when it is not there or breaks off; `TooLarge`, with the bytes seen or announced, for a body above
    /// 8 MiB either way; `Other` for a request that is malformed. A status like 500 is no error.
    pub async fn send(&self, request: HttpRequest, stop: Stop) -> Result<HttpResponse, HttpError> {
        let interrupt = Interrupt::from_now(&stop);
        let limit = request.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
        tokio::select! {
            biased;
            () = interrupt.requested() => Err(HttpError::Stopping),
            answer = tokio::time::timeout(limit, self.exchange(request)) => answer.unwrap_or(Err(HttpError::TimedOut)),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let url = parse_url(&request.url).map_err(|error| HttpError::Other(error.to_string()))?;
        let origin = Origin::of(&url).map_err(|error| HttpError::Other(error.to_string()))?;
        if !self.origins.contains(&origin) {
            return Err(HttpError::NotGranted(format!(
                "{origin} is not granted; it would be: http = [\"{origin}\"]"
            )));
        }
        if request.body.len() > BODY_BYTES {
            return Err(HttpError::TooLarge(request.body.len() as u64));
        }
        let method = method(&request.method)?;
        let response = self
            .client(origin.is_secure())
            .await?
            .request(method, url)
            .headers(headers(request.headers)?)
            .body(request.body)
            .send()
            .await
            .map_err(|error| failure(&origin, &error))?;
        receive(response, &origin).await
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

fn client(secure: bool) -> Result<Client, ClientError> {
    Client::builder()
        .tls_backend_preconfigured(tls(secure)?)
        .dns_resolver(CheckingResolver)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .pool_max_idle_per_host(0)
        .http1_max_headers(HEADERS)
        .http2_max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX))
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ClientError::Client)
}

/// For the engine's own questions: the system's authorities and those of these PEM files.
pub(crate) fn tls_with(certificates: Vec<Vec<u8>>) -> Result<ClientConfig, impl std::error::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = certificates
        .iter()
        .flat_map(|pem| CertificateDer::pem_slice_iter(pem))
        .filter_map(Result::ok);
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(ClientError::Roots)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok::<_, ClientError>(config)
}

fn tls(secure: bool) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?;
    if !secure {
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let verifier = Verifier::new(provider).map_err(ClientError::Roots)?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn method(text: &str) -> Result<Method, HttpError> {
    match Method::from_bytes(text.as_bytes()) {
        // It would make a tunnel of the connection.
        Ok(Method::CONNECT) | Err(_) => Err(HttpError::Other(format!("{text:?} is no method that can be sent"))),
        Ok(method) => Ok(method),
    }
}

fn headers(given: Vec<(String, String)>) -> Result<HeaderMap, HttpError> {
    if given.len() > HEADERS {
        return Err(HttpError::Other(format!("the request has more than {HEADERS} headers")));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpError::Other(format!("{name:?} is no name of a header")))?;
        if OWN_HEADERS.contains(&parsed.as_str()) {
            return Err(HttpError::Other(format!("the header {parsed} is set by the engine")));
        }
        // The value may be a secret, so no message has it.
        let value = HeaderValue::from_str(&value).map_err(|_| {
            HttpError::Other(format!(
                "the value of the header {parsed} has a character that can't be sent"
            ))
        })?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

async fn receive(mut response: Response, origin: &Origin) -> Result<HttpResponse, HttpError> {
    let size: usize = response
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if size > HEADER_BYTES {
        return Err(HttpError::Other(format!(
            "{origin} answers with {size} bytes of headers; {HEADER_BYTES} are taken"
        )));
    }
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let status = response.status().as_u16();
    if let Some(announced) = response.content_length().filter(|length| *length > BODY_BYTES as u64) {
        return Err(HttpError::TooLarge(announced));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(origin, &error))? {
        if body.len() + chunk.len() > BODY_BYTES {
            return Err(HttpError::TooLarge((body.len() + chunk.len()) as u64));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body })
}
