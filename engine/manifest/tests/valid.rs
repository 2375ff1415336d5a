//! Manifests without mistakes, and what becomes of them.

use std::time::Duration;

use tidegate_manifest::{ByteSize, HostKeys, Manifest, NetGrant, Source, Style, parse, render};

const SHOP: &str = include_str!("shop.toml");
const EVERY_KEY: &str = include_str!("every-key.toml");

fn read(text: &str) -> Manifest {
    let source = Source::new("tidegate.toml", text);
    let style = Style {
        color: false,
        width: 80,
    };
    match parse(&source) {
        Ok(parsed) => {
            assert!(
                parsed.warnings.is_empty(),
                "{}",
                render(&parsed.warnings, &source, style)
            );
            parsed.manifest
        }
        Err(problems) => panic!("{}", render(&problems, &source, style)),
    }
}

#[test]
fn the_shop_is_read_as_written() {
    let shop = read(SHOP);
    assert_eq!(shop.name.unwrap().value, "shop");
    let order: Vec<_> = shop.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(order, ["env", "migrations", "test", "deploy"]);
    let env = &shop.stages[0];
    assert_eq!(env.grant.exec["python"].value, "python3");
    assert_eq!(env.grant.net[0].value, NetGrant::PythonIndex { credentials: None });
    assert_eq!(
        env.with.value,
        serde_json::json!({ "requirements": ["requirements.txt"] })
    );
    let test = &shop.stages[2];
    assert_eq!(test.timeout.as_ref().unwrap().value, Duration::from_secs(600));
    assert_eq!(test.grant.exec["python"].value, ".venv/bin/python");
    assert_eq!(test.grant.env[0].value, "DATABASE_URL");
    assert_eq!(
        &SHOP[test.grant_span.clone()],
        "[\"django\", { env = [\"DATABASE_URL\"] }]"
    );
    assert_eq!(&SHOP[test.span.clone()], "[stages.test]");
    let target = &shop.targets["staging"];
    assert_eq!(target.key.value, "deploy-key");
    assert!(matches!(&target.host_keys, HostKeys::Keys(keys) if keys.len() == 1));
}

#[test]
fn every_key_arrives_in_the_model() {
    let manifest = read(EVERY_KEY);
    assert_eq!(manifest.hide[0].value, "*.pem");
    assert_eq!(manifest.vars["replicas"].value, 3);
    assert_eq!(manifest.vars["fast"].value, true);
    assert_eq!(manifest.plugins["scan"].value, "stages/scan.wasm");
    assert_eq!(manifest.env["LANG"].value, "C");
    let target = &manifest.targets["web"];
    assert_eq!(target.hosts[1].value, "deploy@[2001:db8::1]:2222");
    assert_eq!(target.passphrase.as_ref().unwrap().value, "deploy-passphrase");
    assert!(matches!(&target.host_keys, HostKeys::KnownHosts(file) if file.value == "deploy/known_hosts"));
    assert_eq!(target.connect_timeout.as_ref().unwrap().value, Duration::from_secs(3));
    assert_eq!(target.keepalive.as_ref().unwrap().value, Duration::from_secs(20));

    let stage = &manifest.stages[1];
    assert_eq!(stage.uses.value, "scan");
    assert_eq!(stage.needs[0].as_str(), "first");
    assert_eq!(stage.when.as_ref().unwrap().value, "branch == 'main'");
    assert_eq!(stage.timeout.as_ref().unwrap().value, Duration::from_secs(5400));
    assert_eq!(stage.stop_grace.as_ref().unwrap().value, Duration::ZERO);
    assert_eq!(stage.env["EMPTY"].value, "");
    let grant = &stage.grant;
    assert_eq!(grant.read[1].to_str(), Some("~/models"));
    assert_eq!(
        grant
            .write
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect::<Vec<_>>(),
        [".venv", "."]
    );
    assert_eq!(grant.exec["git"].value, "git");
    let host = |private| NetGrant::Host {
        host: "db.corp".into(),
        port: 5432,
        private,
    };
    assert_eq!(grant.net[0].value, host(true));
    assert_eq!(grant.net[1].value, NetGrant::HostLoopback { port: 6379 });
    assert_eq!(
        grant.net[2].value,
        NetGrant::Unix {
            path: "/run/pg.sock".into()
        }
    );
    assert_eq!(grant.net[3].value.to_string(), "abc.test:443");
    assert_eq!(grant.env[0].value, "DATABASE_URL");
    assert_eq!(grant.secrets["token"].value, "PYPI_TOKEN");
    assert_eq!(grant.ssh[0].value, "web");
    assert_eq!(grant.http[0].value, "https://api.example.com");
    assert!(grant.source.as_ref().unwrap().value);
    assert_eq!(grant.memory.as_ref().unwrap().value, ByteSize(512 << 20));
    assert_eq!(grant.program_memory.as_ref().unwrap().value, ByteSize(2 << 30));
    assert_eq!(grant.processes.as_ref().unwrap().value, 64);
    assert_eq!(grant.output.as_ref().unwrap().value, ByteSize(8_000_000));
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", SHOP.replace('\n', "\r\n"));
    let shop = read(&text);
    assert_eq!(shop.stages.len(), 4);
    assert_eq!(&text[shop.stages[2].span.clone()], "[stages.test]");
}

#[test]
fn cut_off_anywhere_it_is_read_and_rendered_without_panic() {
    for text in [SHOP, EVERY_KEY, include_str!("mistakes/six-at-once.toml")] {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            for cut in [&text[..end], &text[end..]] {
                let source = Source::new("tidegate.toml", cut);
                for color in [false, true] {
                    let problems = parse(&source).map_or_else(|problems| problems, |parsed| parsed.warnings);
                    let style = Style { color, width: 80 };
                    assert_eq!(render(&problems, &source, style).is_empty(), problems.is_empty());
                }
            }
        }
    }
}

#[test]
fn a_bracket_or_quote_anywhere_is_read_without_panic() {
    for insert in ["[", "]", "{", "}", "\"", "=", ".", "\n", "\r", "é", "\u{0}"] {
        for at in (0..EVERY_KEY.len()).filter(|at| EVERY_KEY.is_char_boundary(*at)) {
            let text = format!("{}{insert}{}", &EVERY_KEY[..at], &EVERY_KEY[at..]);
            let source = Source::new("tidegate.toml", text);
            if let Err(problems) = parse(&source) {
                assert!(problems.iter().any(|problem| problem.is_error()));
            }
        }
    }
}
