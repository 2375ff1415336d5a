//! `confine [OPTIONS] -- PROGRAM [ARGS]`: runs a program in a Cell, with the current folder as workspace.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidegate_confine::{
    Cell, CellSpec, Command, Connection, ConnectionEnd, Destination, Exit, Helpers, Ids, Level, Stdio,
    run_helper_if_asked,
};

const USAGE: &str = "\
usage: confine [OPTIONS] -- PROGRAM [ARGS]

Runs PROGRAM with the current folder as workspace. It sees that folder without
.git and .env files; what it writes there is private and gone at the end.

  --write DIR       changes in this folder of the workspace persist
  --read PATH       show this path, read-only
  --toolchain DIR   the same, with its bin folder on PATH
  --read-only PATH  nobody changes this path of the workspace
  --hide PATTERN    hide more of the workspace, as in .gitignore
  --env NAME        pass this variable on
  --net HOST:PORT   PROGRAM may connect there; *.DOMAIN:PORT for all names below
  --net-private HOST:PORT
                    the same, where the address may be a private one
  --host-loopback PORT
                    a service of this machine's loopback, at the same port
  --memory SIZE     end all programs when together they take more (512m, 2g)
  --processes N     no more processes and threads at the same time
  --degraded        without namespaces, by Landlock and a filter of system calls
  --unconfined      no confinement; only the end of all processes is certain

It ends with PROGRAM's exit code, with 128 + N after signal N, with 137 and a
message when the programs took too much, with 125 when PROGRAM did not run.";

/// As after the SIGKILL that it got.
const OVER_LIMIT: u8 = 137;

struct Request {
    spec: CellSpec,
    env: Vec<OsString>,
    program: OsString,
    args: Vec<OsString>,
}

fn main() -> ExitCode {
    run_helper_if_asked();
    let scratch = std::env::temp_dir().join(format!("confine-{}", std::process::id()));
    let request = match parse(std::env::args_os().skip(1), &scratch) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("confine: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let helpers = Helpers::of("/proc/self/exe");
    helpers.prepare();
    let result = fs::create_dir(&scratch)
        .map_err(|error| format!("can't make `{}`: {error}", scratch.display()))
        .and_then(|()| run(&helpers, request));
    // What could not be removed is the system's to clean, as everything in its folder for temporary files.
    let _ = fs::remove_dir_all(&scratch);
    match result {
        Ok(Exit::Code(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Ok(Exit::Signal(signal)) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(Exit::OverLimit(limit)) => {
            eprintln!("confine: the program was ended: {limit}");
            ExitCode::from(OVER_LIMIT)
        }
        Err(error) => {
            eprintln!("confine: {error}");
            ExitCode::from(125)
        }
    }
}

fn parse(mut words: impl Iterator<Item = OsString>, scratch: &Path) -> Result<Request, String> {
    let workspace = std::env::current_dir().map_err(|error| format!("no current folder: {error}"))?;
    let mut spec = CellSpec::new(workspace, scratch);
    let mut env = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("`{}` needs a value", word.display()))
        };
        match word.to_str() {
            Some("--write") => spec.write.push(value()?.into()),
            Some("--read") => spec.read.push(value()?.into()),
            Some("--toolchain") => spec.toolchains.push(value()?.into()),
            Some("--read-only") => spec.read_only.push(value()?.into()),
            Some("--hide") => spec.hide.push(value()?.to_string_lossy().into_owned()),
            Some("--env") => env.push(value()?),
            Some("--net") => spec.network.push(destination(&value()?, false)?),
            Some("--net-private") => spec.network.push(destination(&value()?, true)?),
            Some("--host-loopback") => {
                let port = number(&value()?, "a port")?;
                spec.network.push(Destination::HostLoopback { port });
            }
            Some("--memory") => spec.limits.memory = Some(size(&value()?)?),
            Some("--processes") => spec.limits.processes = Some(number(&value()?, "a number of processes")?),
            Some("--degraded") => spec.level = Level::Degraded,
            Some("--unconfined") => spec.level = Level::Unconfined,
            Some("--") => {
                let program = words.next().ok_or("no program is named")?;
                return Ok(Request {
                    spec,
                    env,
                    program,
                    args: words.collect(),
                });
            }
            _ => return Err(format!("unknown option `{}`", word.display())),
        }
    }
    Err("no program is named".to_owned())
}

fn destination(text: &OsString, private: bool) -> Result<Destination, String> {
    let wrong = || format!("`{}` is not HOST:PORT", text.display());
    let (host, port) = text.to_str().and_then(|text| text.rsplit_once(':')).ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(match host.strip_prefix("*.") {
        Some(domain) => Destination::Below {
            domain: domain.to_owned(),
            port,
            private,
        },
        None => Destination::Host { host, port, private },
    })
}

fn number<N: std::str::FromStr>(text: &OsString, what: &str) -> Result<N, String> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| format!("`{}` is not {what}", text.display()))
}

fn tell(connection: Connection) {
    let Connection { to, end } = connection;
    match end {
        ConnectionEnd::Closed { .. } => {}
        ConnectionEnd::Failed(why) => eprintln!("confine: {to} was not reached: {why}"),
        ConnectionEnd::Denied => eprintln!("confine: {to} is not granted"),
    }
}

/// Bytes, or with `k`, `m`, `g` behind it the 1024-fold of it, once, twice, three times.
fn size(text: &OsString) -> Result<u64, String> {
    let parsed = text.to_str().and_then(|text| {
        let (digits, shift) = match text.char_indices().last()? {
            (end, 'k' | 'K') => (&text[..end], 10),
            (end, 'm' | 'M') => (&text[..end], 20),
            (end, 'g' | 'G') => (&text[..end], 30),
            _ => (text, 0),
        };
        digits.parse::<u64>().ok()?.checked_mul(1 << shift)
    });
    parsed.ok_or_else(|| format!("`{}` is not a size; write 512m or 2g", text.display()))
}

fn run(helpers: &Helpers, request: Request) -> Result<Exit, String> {
    let Request {
        spec,
        env,
        program,
        args,
    } = request;
    let cell = Cell::start_observed(helpers, &spec, tell).map_err(|error| match error {
        tidegate_confine::StartError::Machine { why, .. } => format!("{why}\n\nhint: {}", why.fix),
        error => error.to_string(),
    })?;
    if let (Level::Full, Ids::Root { why }) = (cell.level(), cell.ids()) {
        eprintln!("confine: note: PROGRAM runs with root's id, since no other can be given: {why}");
    }
    let identity = spec.identity();
    let mut command = Command::new(find(&program, &spec)?, &spec.workspace);
    command.args = args;
    command.env = identity
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    command.env.extend(
        env.into_iter()
            .filter_map(|name| std::env::var_os(&name).map(|value| (name, value))),
    );
    let inherit = |stream: std::os::fd::BorrowedFd<'_>| stream.try_clone_to_owned().map(Stdio::Fd);
    let streams = || {
        use std::os::fd::AsFd;
        Ok((
            inherit(std::io::stdin().as_fd())?,
            inherit(std::io::stdout().as_fd())?,
            inherit(std::io::stderr().as_fd())?,
        ))
    };
    (command.stdin, command.stdout, command.stderr) =
        streams().map_err(|error: std::io::Error| format!("can't use the standard streams: {error}"))?;
    Ok(cell.spawn(command).map_err(|error| error.to_string())?.wait())
}

/// A name without a slash is looked up in the PATH that the program will have.
fn find(program: &OsString, spec: &CellSpec) -> Result<PathBuf, String> {
    let named = Path::new(program);
    if named.components().count() > 1 || named.is_absolute() {
        return Ok(spec.workspace.join(named));
    }
    let path = spec
        .identity()
        .into_iter()
        .find_map(|(name, value)| (name == "PATH").then_some(value))
        .unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(named))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("`{}` is not in {path}", named.display()))
}
