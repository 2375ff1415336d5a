//! HTTP against small local servers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tidegate_runner::http::{HttpClient, Origin};
use tidegate_sandbox::{HttpError, HttpRequest, HttpResponse, Stop, StopSource};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ServerConfig};

/// Answers every connection with the same bytes and keeps what was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::handling(move |stream| {
            // The client may have seen enough.
            let _ = stream.write_all(&answer);
        })
    }

    fn handling(handle: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let into = asked.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    request.push(byte[0]);
                }
                into.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&request).into_owned());
                handle(&mut stream);
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn never() -> Stop {
    let (source, stop) = StopSource::new();
    std::mem::forget(source);
    stop
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: None,
    }
}

fn client(origins: &[&str]) -> HttpClient {
    HttpClient::new(origins.iter().map(|origin| Origin::parse(origin).unwrap()))
}

async fn ask(origin: &str, url: &str) -> Result<HttpResponse, HttpError> {
    client(&[origin]).send(get(url), never()).await
}

#[tokio::test]
async fn a_granted_origin_answers_with_status_headers_and_body() {
    let server = Server::answering("HTTP/1.1 503 Busy\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 3\r\n\r\nno!");
    let request = HttpRequest {
        method: "POST".into(),
        headers: vec![("Authorization".into(), "Bearer x".into())],
        body: b"hello".to_vec(),
        ..get(&server.url("/health?x=1"))
    };
    let response = client(&[&server.url("")]).send(request, never()).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (503, &b"no!"[..]));
    let values: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| name == "x-a")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(values, ["1", "2"]);
    let asked = &server.asked()[0];
    assert!(asked.starts_with("POST /health?x=1 HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("authorization: Bearer x\r\n") && asked.contains("content-length: 5\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn nothing_is_sent_to_an_origin_that_is_not_granted() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n");
    let port = server.port;
    let others = [
        "http://127.0.0.1".to_owned(),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.2:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
    ];
    for granted in &others {
        match ask(granted, &server.url("/")).await {
            Err(HttpError::NotGranted(text)) => assert!(text.contains(&server.url("")), "{text}"),
            other => panic!("{granted}: {other:?}"),
        }
    }
    let with_user = format!("http://me:pw@127.0.0.1:{}/", server.port);
    assert!(matches!(
        ask(&server.url(""), &with_user).await,
        Err(HttpError::Other(_))
    ));
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn localhost_is_reached_where_it_is_granted_by_name() {
    let server = Server::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let origin = format!("http://localhost:{}", server.port);
    assert_eq!(ask(&origin, &format!("{origin}/")).await.unwrap().status, 204);
    assert_eq!(
        ask(&origin, &format!("http://LOCALHOST.:{}/", server.port))
            .await
            .unwrap()
            .status,
        204
    );
}

#[tokio::test]
async fn a_granted_name_that_leads_inside_is_refused() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap()
        .trim()
        .to_owned();
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n");
    let origin = format!("http://{name}:{}", server.port);
    match ask(&origin, &origin).await {
        Err(HttpError::NotGranted(text)) => assert!(text.contains("which is not on the public Internet"), "{text}"),
        Err(HttpError::Unreachable(text)) => eprintln!("skipped: this machine's own name has no address: {text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let other = Server::answering("HTTP/1.1 200 OK\r\n\r\n");
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        other.url("/stolen")
    );
    let server = Server::answering(answer);
    let response = ask(&server.url(""), &server.url("/")).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.contains(&("location".into(), other.url("/stolen"))));
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn bodies_above_8_mib_are_too_large_announced_or_not() {
    let announced = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n");
    assert_eq!(
        ask(&announced.url(""), &announced.url("/")).await,
        Err(HttpError::TooLarge(9_000_000))
    );
    let endless = Server::handling(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[0; 65536]).is_ok() {}
    });
    assert!(matches!(
        ask(&endless.url(""), &endless.url("/")).await,
        Err(HttpError::TooLarge(_))
    ));
    let exact = Server::handling(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
        let _ = stream.write_all(&vec![1; 8 << 20]);
    });
    assert_eq!(ask(&exact.url(""), &exact.url("/")).await.unwrap().body.len(), 8 << 20);
    let request = HttpRequest {
        body: vec![0; (8 << 20) + 1],
        ..get(&exact.url("/"))
    };
    assert_eq!(
        client(&[&exact.url("")]).send(request, never()).await,
        Err(HttpError::TooLarge((8 << 20) + 1))
    );
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_an_error() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    let large = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        format!("A: {}\r\n", "b".repeat(7000)).repeat(10)
    );
    for answer in [many, large] {
        let server = Server::answering(answer);
        let result = ask(&server.url(""), &server.url("/")).await;
        assert!(
            matches!(result, Err(HttpError::Other(_) | HttpError::Unreachable(_))),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn a_request_that_could_be_taken_for_another_is_refused() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n");
    let client = client(&[&server.url("")]);
    let header = |name: &str, value: &str| HttpRequest {
        headers: vec![(name.into(), value.into())],
        ..get(&server.url("/"))
    };
    let refused = [
        header("Host", "internal"),
        header("Transfer-Encoding", "chunked"),
        header("a b", "c"),
        header("a", "b\r\nHost: internal"),
        HttpRequest {
            method: "CONNECT".into(),
            ..get(&server.url("/"))
        },
        HttpRequest {
            method: "GET / HTTP/1.1\r\n".into(),
            ..get(&server.url("/"))
        },
        get("not a url"),
    ];
    for request in refused {
        let result = client.send(request.clone(), never()).await;
        assert!(matches!(result, Err(HttpError::Other(_))), "{request:?}: {result:?}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_unreachable_and_what_is_slow_times_out() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let origin = format!("http://127.0.0.1:{free}");
    match ask(&origin, &origin).await {
        Err(HttpError::Unreachable(text)) => assert!(text.contains("connection refused"), "{text}"),
        other => panic!("{other:?}"),
    }
    let name = "http://no-such-host.invalid";
    assert!(matches!(ask(name, name).await, Err(HttpError::Unreachable(_))));
    let silent = Server::handling(|_| std::thread::sleep(Duration::from_secs(5)));
    let request = HttpRequest {
        timeout_ms: Some(300),
        ..get(&silent.url("/"))
    };
    assert_eq!(
        client(&[&silent.url("")]).send(request, never()).await,
        Err(HttpError::TimedOut)
    );
    let cut = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    assert!(matches!(
        ask(&cut.url(""), &cut.url("/")).await,
        Err(HttpError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_stop_ends_a_request_and_later_ones_still_work() {
    let silent = Server::handling(|_| std::thread::sleep(Duration::from_secs(5)));
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let client = client(&[&silent.url(""), &server.url("")]);
    let (source, stop) = StopSource::new();
    let started = Instant::now();
    let (ended, ()) = tokio::join!(client.send(get(&silent.url("/")), stop.clone()), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        source.request();
    });
    assert_eq!(ended, Err(HttpError::Stopping));
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(client.send(get(&server.url("/")), stop).await.unwrap().status, 200);
}

/// Named after the host it is for: of two authorities with one name, the wrong one would only be called damaged.
fn self_signed(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("test authority of {name}"));
    let cert = parameters.self_signed(&signing_key).unwrap();
    rcgen::CertifiedKey { cert, signing_key }
}

/// A TLS server for `localhost` with a certificate of its own; its origin and the certificate.
async fn secure_server(name: &str) -> (String, String) {
    let made = self_signed(name);
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((stream, _)) = listener.accept().await {
            // A client that trusts nobody ends the handshake.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure")
                    .await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (origin, made.cert.pem())
}

/// Runs [`asks_with_the_environments_authorities`] in a process of its own, as a process has one environment.
async fn ask_trusting(certificate: &str, origin: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, certificate).unwrap();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "asks_with_the_environments_authorities",
            "--ignored",
            "--nocapture",
        ])
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR")
        .env("TEST_ORIGIN", origin)
        // Proxies of the environment have to be without effect.
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "started by the tests below, which set SSL_CERT_FILE and TEST_ORIGIN"]
async fn asks_with_the_environments_authorities() {
    let origin = std::env::var("TEST_ORIGIN").unwrap();
    println!("answer: {:?}", ask(&origin, &origin).await);
}

#[tokio::test]
async fn the_environments_authority_is_trusted_and_no_proxy_is_used() {
    let (origin, certificate) = secure_server("localhost").await;
    let answer = ask_trusting(&certificate, &origin).await;
    assert!(answer.contains("answer: Ok(HttpResponse { status: 200"), "{answer}");
}

#[tokio::test]
async fn tls_failures_say_what_is_wrong_with_the_certificate() {
    let (origin, certificate) = secure_server("localhost").await;
    let (_, another) = secure_server("another.example").await;
    let answer = ask_trusting(&another, &origin).await;
    assert!(
        answer.contains("Tls(") && answer.contains("nobody who is trusted here vouches"),
        "{answer}"
    );
    let (elsewhere, its_certificate) = secure_server("other.example").await;
    let answer = ask_trusting(&its_certificate, &elsewhere).await;
    assert!(
        answer.contains("Tls(") && answer.contains("is for another name"),
        "{answer}"
    );
    // It can't find the end of a request in a handshake, so it answers at once, as real servers do.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let answer = ask_trusting(&certificate, &url).await;
    assert!(answer.contains("Tls("), "{answer}");
}
