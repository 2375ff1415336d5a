//! What a request that failed says.

use std::error::Error;
use std::io;

use tidegate_sandbox::HttpError;

use super::origin::Origin;
use super::resolver::NotPublic;

/// Tells a refusal by our own resolver from a failure of TLS and from a host that is not there.
pub(super) fn failure(origin: &Origin, error: &reqwest::Error) -> HttpError {
    if let Some(refused) = find::<NotPublic>(error) {
        return HttpError::NotGranted(format!(
            "{refused}; if that is meant, grant the address itself in `http`"
        ));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return HttpError::Tls(format!("{origin}: {}", tls_text(tls)));
    }
    if error.is_timeout() {
        return HttpError::TimedOut;
    }
    let cause = deepest(error);
    if error.is_connect() {
        return HttpError::Unreachable(match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => format!("{origin}: connection refused; does it listen there?"),
            _ => format!("{origin}: {cause}"),
        });
    }
    if error.is_builder() {
        return HttpError::Other(format!("the request can't be sent: {cause}"));
    }
    // The connection came about and broke, or what came is no HTTP.
    HttpError::Unreachable(format!("{origin}: {cause}"))
}

fn tls_text(error: &rustls::Error) -> String {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            "nobody who is trusted here vouches for its certificate; for a private authority set SSL_CERT_FILE".into()
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => "its certificate has expired".into(),
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name".into()
        }
        error => error.to_string(),
    }
}

/// The first error of this type in the chain. An I/O error hides what it wraps from `source`, so it is asked as well.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| find::<T>(wrapped)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn deepest(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
