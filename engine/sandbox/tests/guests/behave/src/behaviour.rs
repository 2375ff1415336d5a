//! What the stage can do, well and badly.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::exports::tidegate::stage::plugin::Failure;
use crate::tidegate::stage::{context, files, http, process, report, secrets, source, ssh, state};

type Behaviour = fn(&Value) -> Result<(), Failure>;

pub const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("pass", |_| Ok(())),
    ("fail", |_| Err(Failure::Failed("two tests failed".into()))),
    ("misconfigured", |_| Err(Failure::Misconfigured("no settings".into()))),
    ("unavailable", |_| Err(Failure::Unavailable("no index".into()))),
    ("other", |_| Err(Failure::Other("gave up".into()))),
    ("spin", |_| spin()),
    ("spin-in-copies", |_| spin_in_copies()),
    ("sleep", |_| sleep()),
    ("wait-for-stop", |_| wait_for_stop(Ok(()))),
    ("fail-after-stop", |_| {
        wait_for_stop(Err(Failure::Failed("stopped in the middle".into())))
    }),
    ("memory", |_| memory()),
    ("recurse", |_| Err(Failure::Failed(recurse(1).to_string()))),
    ("panic", |_| panic!("on purpose")),
    ("exit", |_| std::process::exit(3)),
    ("resources", |_| resources()),
    ("big-string", |_| big_string()),
    ("big-builder", |_| big_builder()),
    ("random", |_| random()),
    ("print", |_| print()),
    ("flood-stdout", |_| flood_stdout()),
    ("flood-log", |_| flood_log()),
    ("flood-findings", |_| flood_findings()),
    ("flood-progress", |_| flood_progress()),
    ("report", |_| report_everything()),
    ("context", |_| tell_context()),
    ("give-up-when-not-granted", |_| give_up_when_not_granted()),
    ("not-granted-then-other", |_| not_granted_then_other()),
    ("all-denied", |_| all_denied()),
    ("granted", |_| granted()),
    ("leak-child", |_| leak_child()),
    ("files", files_round),
    ("sockets", |_| sockets()),
    ("environment", |_| environment()),
];

fn failed(error: impl std::fmt::Debug) -> Failure {
    Failure::Failed(format!("{error:?}"))
}

fn spin() -> Result<(), Failure> {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Long bulk operations, within which nothing can interrupt.
fn spin_in_copies() -> Result<(), Failure> {
    let mut bytes = vec![1_u8; 64 << 20];
    loop {
        let value = black_box(bytes[0]).wrapping_add(1);
        black_box(&mut bytes).fill(value);
    }
}

fn sleep() -> Result<(), Failure> {
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

fn wait_for_stop(then: Result<(), Failure>) -> Result<(), Failure> {
    report::log(report::Level::Info, "waiting");
    while !context::stop_requested() {
        std::thread::sleep(Duration::from_millis(5));
    }
    then
}

fn memory() -> Result<(), Failure> {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}

#[expect(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + black_box(depth)
}

fn resources() -> Result<(), Failure> {
    let kept: Vec<_> = (0..5_000).map(|_| process::Command::new("git")).collect();
    Err(Failure::Failed(format!("{} resources", kept.len())))
}

fn big_string() -> Result<(), Failure> {
    report::log(report::Level::Info, &"x".repeat(17 << 20));
    Ok(())
}

fn big_builder() -> Result<(), Failure> {
    let command = process::Command::new("git");
    let value = "x".repeat(1 << 20);
    for _ in 0..100 {
        command.env("A", &value);
    }
    Ok(())
}

fn random() -> Result<(), Failure> {
    let mut bytes = vec![0_u8; 2 << 20];
    // By WASI itself: the standard library asks in small pieces.
    #[link(wasm_import_module = "wasi:random/random@0.2.0")]
    unsafe extern "C" {
        #[link_name = "get-random-bytes"]
        fn get_random_bytes(len: u64, result: *mut u8);
    }
    // SAFETY: the host writes a pointer and a length, 8 bytes, or traps.
    unsafe { get_random_bytes(2 << 20, bytes.as_mut_ptr()) };
    Ok(())
}

fn print() -> Result<(), Failure> {
    println!("to stdout");
    eprintln!("to stderr");
    report::log(report::Level::Debug, "to the log");
    print!("no end of line");
    std::io::stdout().flush().map_err(failed)
}

fn flood_stdout() -> Result<(), Failure> {
    let line = "y".repeat(99);
    for _ in 0..1_000_000 {
        println!("{line}");
    }
    Ok(())
}

fn flood_log() -> Result<(), Failure> {
    for _ in 0..300_000 {
        report::log(report::Level::Info, "");
    }
    Ok(())
}

fn flood_findings() -> Result<(), Failure> {
    for number in 0..20_000 {
        report::add_finding(&report::Finding {
            severity: report::Severity::Note,
            code: "behave/flood".into(),
            message: number.to_string(),
            location: None,
            help: None,
            extra: Vec::new(),
        });
    }
    Ok(())
}

fn flood_progress() -> Result<(), Failure> {
    for done in 0..=50_000 {
        report::progress(done, Some(50_000), "flooding");
    }
    Ok(())
}

fn report_everything() -> Result<(), Failure> {
    let location = Some(report::Location {
        path: "shop/models.py".into(),
        line: Some(3),
        column: None,
    });
    report::add_finding(&report::Finding {
        severity: report::Severity::Error,
        code: "behave/one".into(),
        message: "m".repeat(70_000),
        location: location.clone(),
        help: Some("do it".into()),
        extra: vec![("key".into(), "1".into()), ("long".into(), "2".repeat(70_000))],
    });
    report::add_test(&report::TestCase {
        suite: "suite".into(),
        name: "name".into(),
        outcome: report::TestOutcome::UnexpectedPass,
        duration_us: 5,
        message: None,
        location,
        extra: Vec::new(),
    });
    report::metric("coverage", 87.5, "%");
    report::summary("# Done");
    report::set_output("count", "3").map_err(failed)?;
    report::keep_artifact("junit", "junit.xml", "application/xml").map_err(failed)?;
    let refused = report::set_output("count", "{").unwrap_err();
    report::log(report::Level::Info, &refused);
    state::put("durations", "{}").map_err(failed)?;
    report::log(report::Level::Info, &format!("{:?}", state::get("durations")));
    Ok(())
}

fn tell_context() -> Result<(), Failure> {
    report::log(
        report::Level::Info,
        &format!(
            "{} {} {} {:?} {:?} {:?} {} {} {} {}",
            context::stage_name(),
            context::run_id(),
            context::attempt(),
            context::input("env", "python"),
            context::input("env", "absent"),
            context::artifact("env", "lock"),
            context::workspace(),
            context::scratch(),
            context::dry_run(),
            context::stop_requested(),
        ),
    );
    Ok(())
}

fn give_up_when_not_granted() -> Result<(), Failure> {
    match process::Command::new("git").run() {
        Ok(_) => Ok(()),
        // Another denial comes in between.
        Err(process::Error::NotGranted(text)) => {
            let _ = secrets::reveal("token");
            Err(Failure::Other(format!("git is needed: {text}")))
        }
        Err(error) => Err(failed(error)),
    }
}

/// It goes on without what is not granted, and gives up for another reason.
fn not_granted_then_other() -> Result<(), Failure> {
    let _ = process::Command::new("git").run();
    Err(Failure::Other("the disk is full".into()))
}

/// Every interface that needs a grant, without one; the answers are logged.
fn all_denied() -> Result<(), Failure> {
    let say = |text: String| report::log(report::Level::Info, &text);
    let command = process::Command::new("git");
    command.args(&["status".into()]);
    command.stdin(b"x");
    say(format!("{:?}", command.run().err()));
    say(format!("{:?}", command.spawn().err()));
    say(format!("{:?}", secrets::reveal("token").err()));
    let request = http::Request::new("GET", "https://example.com/a/b");
    request.header("accept", "*/*");
    say(format!("{:?}", request.send().err()));
    say(format!("{:?}", ssh::hosts("staging").err()));
    say(format!("{:?}", ssh::Connection::open("staging", "one").err()));
    say(format!(
        "{:?} {:?}",
        source::commit(),
        source::changed_since(None).err()
    ));
    Ok(())
}

/// The same with grants: the broker of the test answers.
fn granted() -> Result<(), Failure> {
    let say = |text: String| report::log(report::Level::Info, &text);
    let command = process::Command::new("git");
    command.args(&["status".into(), "-s".into()]);
    command.env("LANG", "C");
    command.cwd("sub");
    command.stdin(b"input");
    command.stdout(process::Sink::Capture);
    command.stderr(process::Sink::Discard);
    command.timeout_ms(1_000);
    let finished = command.run().map_err(failed)?;
    say(format!(
        "{:?} {}",
        finished.exit,
        String::from_utf8_lossy(&finished.stdout)
    ));
    let child = command.spawn().map_err(failed)?;
    child.write_stdin(&vec![b'x'; (2 << 20) + 1]).map_err(failed)?;
    child.close_stdin();
    say(format!("poll {:?}", process::poll(&[&child], 50)));
    say(format!(
        "{} {:?}",
        String::from_utf8_lossy(&child.read_stdout()),
        child.finished()
    ));
    child.kill();
    drop(child);
    say(secrets::reveal("token").map_err(failed)?);
    let request = http::Request::new("POST", "https://example.com/");
    request.header("accept", "*/*");
    request.body(b"body");
    request.timeout_ms(5);
    let response = request.send().map_err(failed)?;
    say(format!("{} {:?}", response.status, response.headers));
    let hosts = ssh::hosts("staging").map_err(failed)?;
    let connection = ssh::Connection::open("staging", &hosts[0]).map_err(failed)?;
    let finished = connection.exec(&["ls".into()], b"", Some(7)).map_err(failed)?;
    say(format!(
        "{} {}",
        finished.exit_code,
        String::from_utf8_lossy(&finished.stdout)
    ));
    say(format!("{:?}", connection.shell("false", b"", None).err()));
    say(format!("{:?}", connection.upload("dist", "/srv", &[]).map_err(failed)?));
    connection.write_file("/srv/x", b"x", 0o600).map_err(failed)?;
    say(format!("{:?}", connection.read_file("/srv/x").map_err(failed)?));
    say(format!(
        "{:?} {:?} {:?}",
        source::commit(),
        source::branch(),
        source::tag()
    ));
    say(format!("{:?}", source::changed_since(Some("main")).map_err(failed)?));
    say(format!("{:?}", files::glob(&["**/*.py".into()]).map_err(failed)?));
    say(format!("{:?}", files::read("absent").err()));
    files::write("new", b"content").map_err(failed)?;
    Ok(())
}

fn leak_child() -> Result<(), Failure> {
    std::mem::forget(process::Command::new("git").spawn().map_err(failed)?);
    Ok(())
}

/// Reads and writes by the language's own functions; relative and absolute paths mean the same.
fn files_round(config: &Value) -> Result<(), Failure> {
    let say = |text: String| report::log(report::Level::Info, &text);
    let absolute = format!("{}/manage.py", context::workspace());
    say(std::fs::read_to_string("manage.py").map_err(failed)?);
    say(std::fs::read_to_string(absolute).map_err(failed)?);
    say(format!(
        "{:?}",
        std::fs::write("manage.py", "changed").map_err(|error| error.kind())
    ));
    std::fs::write(format!("{}/note", context::scratch()), "kept").map_err(failed)?;
    for path in config["outside"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        say(format!(
            "{:?}",
            std::fs::read_to_string(path).map_err(|error| error.kind())
        ));
    }
    Ok(())
}

fn sockets() -> Result<(), Failure> {
    let connected = std::net::TcpStream::connect("127.0.0.1:9")
        .map(drop)
        .map_err(|error| error.kind());
    let bound = std::net::UdpSocket::bind("127.0.0.1:0")
        .map(drop)
        .map_err(|error| error.kind());
    report::log(report::Level::Info, &format!("{connected:?} {bound:?}"));
    Ok(())
}

fn environment() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().collect();
    let variables: Vec<_> = std::env::vars().collect();
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).map_err(|error| error.kind());
    report::log(report::Level::Info, &format!("{arguments:?} {variables:?} {read:?}"));
    Ok(())
}
