//! Where the attacks happen: a workspace with secrets, a folder outside of it, and the host's processes and sockets.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as HostCommand, Stdio as HostStdio};
use std::rc::Rc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_confine::{Cell, CellSpec, Command, Destination, Helpers, Stdio};

use crate::attack::{Attack, Attempt, Outcome};
use crate::numbers::numbers;

pub(crate) const SECRET: &str = "TIDEGATE-SECRET";
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Not in `/tmp` nor `/dev/shm`: they are Landlock's exceptions, and an attack on a file there would prove nothing about it.
const PLACE: &str = "/var/tmp";

/// Of a program with the set-user-id bit.
const OTHER_USER: u32 = 65_534;

const SECRETS: [&str; 9] = [
    ".env",
    ".git/config",
    ".tidegate/state",
    "lib/.git/HEAD",
    "lib/.env.local",
    "certs/key.pem",
    "out/keys/.env",
    "out/sub/.git/config",
    "out/loose/deep/.env.production",
];

const PLAIN: [&str; 6] = [
    "plain",
    "lib/plain",
    "out/plain",
    "out/setid",
    "out/tidegate.toml",
    "out/parts/stage.wasm",
];

const OUTSIDE: [&str; 5] = ["plain", "truncated", "unlinked", "renamed", "exchanged"];

pub(crate) struct Arena {
    pub(crate) workspace: TempDir,
    pub(crate) scratch: TempDir,
    pub(crate) outside: TempDir,
    /// Another attempt's.
    other_scratch: TempDir,
    host: Child,
    told: Value,
}

/// One arena, with a Cell around the programs or without.
pub(crate) struct Place {
    pub(crate) arena: Rc<Arena>,
    /// None: programs run as they are.
    pub(crate) cell: Option<Cell>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        let folder = || tempfile::tempdir_in(PLACE).unwrap();
        let (workspace, scratch, outside) = (folder(), folder(), folder());
        let write = |folder: &TempDir, name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        for name in SECRETS {
            write(&workspace, name, SECRET);
        }
        for name in PLAIN {
            write(&workspace, name, "plain");
        }
        for name in OUTSIDE {
            write(&outside, name, "plain");
        }
        write(&outside, "secret", SECRET);
        write(&outside, "bin/program", "#!/bin/sh\necho TIDEGATE-SECRET\n");
        fs::set_permissions(outside.path().join("bin/program"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(outside.path().join("empty")).unwrap();
        symlink(outside.path(), workspace.path().join(".venv")).unwrap();
        if nix::unistd::geteuid().is_root() {
            let program = workspace.path().join("out/set-id-python");
            fs::copy(PYTHON, &program).unwrap();
            chown(&program, Some(OTHER_USER), None).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        }
        let mut host = HostCommand::new(PYTHON)
            .args(["-I", "-c", include_str!("host.py")])
            .args([outside.path(), workspace.path()])
            .arg(numbers().to_string())
            .env("TIDEGATE_HOST_SECRET", SECRET)
            .current_dir(outside.path())
            .stdin(HostStdio::piped())
            .stdout(HostStdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(host.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let told = serde_json::from_str(&line).expect("the host's side tells what it is");
        Self {
            workspace,
            scratch,
            outside,
            other_scratch: folder(),
            host,
            told,
        }
    }

    pub(crate) fn spec(&self) -> CellSpec {
        let mut spec = CellSpec::new(self.workspace.path(), self.scratch.path());
        spec.write = vec!["out".into()];
        spec.hide = vec!["*.pem".to_owned()];
        spec.limits.memory = Some(256 << 20);
        spec.limits.processes = Some(300);
        spec.read_only = vec!["out/tidegate.toml".into(), "out/parts/stage.wasm".into()];
        spec.network = self.network();
        spec
    }

    /// Names that every resolver of a machine knows: `localhost`, and numbers, which are addresses in other spellings. All that are
    /// listed lead to this machine, and to what is not granted. Inside, the first three names are 127.64.1.1 to 127.64.1.3.
    fn network(&self) -> Vec<Destination> {
        let host = |host: &str, port, private| Destination::Host {
            host: host.to_owned(),
            port: self.port(port),
            private,
        };
        let below = |domain: &str, private| Destination::Below {
            domain: domain.to_owned(),
            port: self.port("secret_port"),
            private,
        };
        vec![
            Destination::HostLoopback {
                port: self.port("granted_port"),
            },
            host("127.0.0.2", "address_port", false),
            host("localhost", "secret_port", false),
            host("127.1", "secret_port", false),
            host("0", "secret_port", true),
            below("0.1", false),
            below("0177.1", true),
            below("33", true),
        ]
    }

    /// One that the host's side tells of.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.told[name].as_u64().and_then(|port| port.try_into().ok()).unwrap()
    }

    pub(crate) fn secret(&self) -> PathBuf {
        self.outside.path().join("secret")
    }

    fn values(&self) -> Value {
        let mut values = self.told.clone();
        let more = [
            ("workspace", self.workspace.path()),
            ("scratch", self.scratch.path()),
            ("outside", self.outside.path()),
            ("secret", &self.secret()),
        ];
        for (name, path) in more {
            values[name] = json!(path);
        }
        values
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // The end of its input ends it, after it has removed what files don't hold.
        drop(self.host.stdin.take());
        let _ = self.host.wait();
    }
}

impl Place {
    pub(crate) fn plain() -> Self {
        Self {
            arena: Rc::new(Arena::new()),
            cell: None,
        }
    }

    /// Another attempt's in the same workspace: in a Cell of its own, or without one.
    pub(crate) fn beside(&self, change: impl FnOnce(&mut CellSpec)) -> Self {
        let mut spec = self.arena.spec();
        spec.scratch = self.arena.other_scratch.path().to_owned();
        change(&mut spec);
        let start = |_: &Cell| Cell::start(&helpers(), &spec).unwrap();
        Self {
            arena: self.arena.clone(),
            cell: self.cell.as_ref().map(start),
        }
    }

    pub(crate) fn cell(change: impl FnOnce(&mut CellSpec)) -> Self {
        let arena = Arena::new();
        let mut spec = arena.spec();
        change(&mut spec);
        let cell = Cell::start(&helpers(), &spec).unwrap();
        Self {
            arena: Rc::new(arena),
            cell: Some(cell),
        }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.arena.workspace.path().join(relative)
    }

    /// The outcome of each, by its position. Programs first: they are made by one process, one after the other.
    pub(crate) fn try_all(&self, attacks: &[&Attack]) -> Vec<Outcome> {
        let programs: Vec<_> = attacks
            .iter()
            .filter_map(|attack| match attack.attempt {
                Attempt::Program(body) => Some(json!([attack.name, body])),
                Attempt::Engine(_) => None,
            })
            .collect();
        let order = json!({ "values": self.arena.values(), "numbers": numbers(), "attacks": programs });
        let order_file = self.arena.scratch.path().join("order.json");
        fs::write(&order_file, order.to_string()).unwrap();
        let output = self.python(include_str!("hostile.py"), &[order_file.to_str().unwrap()]);
        let answers: Vec<(String, String, String)> = output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{output}")))
            .collect();
        let outcome = |attack: &&Attack| match attack.attempt {
            Attempt::Engine(attempt) => attempt(self),
            Attempt::Program(_) => {
                let answer = answers.iter().find(|(name, ..)| name == attack.name);
                match answer {
                    Some((_, kind, text)) if kind == "stopped" => Outcome::Stopped(text.clone()),
                    Some((_, kind, text)) if kind == "breached" => Outcome::Breached(text.clone()),
                    Some((.., text)) => Outcome::NotAttempted(text.clone()),
                    None => Outcome::NotAttempted(format!("no answer: {output}")),
                }
            }
        };
        attacks.iter().map(outcome).collect()
    }

    /// Runs a script to its end. Both output streams as one text.
    pub(crate) fn python(&self, script: &str, args: &[&str]) -> String {
        let (mut reader, running) = self.start_python(script, args);
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        running.wait();
        output
    }

    pub(crate) fn start_python(&self, script: &str, args: &[&str]) -> (std::io::PipeReader, Running) {
        let (reader, writer) = std::io::pipe().unwrap();
        let args = ["-I", "-B", "-c", script].into_iter().chain(args.iter().copied());
        let running = match &self.cell {
            Some(cell) => {
                let mut command = Command::new(PYTHON, self.arena.workspace.path());
                command.args = args.map(Into::into).collect();
                let identity = self.arena.spec().identity();
                command.env = identity
                    .into_iter()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect();
                command.stderr = Stdio::Fd(writer.try_clone().unwrap().into());
                command.stdout = Stdio::Fd(writer.into());
                Running::Confined(cell.spawn(command).unwrap())
            }
            None => Running::Plain(
                HostCommand::new(PYTHON)
                    .args(args)
                    .current_dir(self.arena.workspace.path())
                    .stdin(HostStdio::null())
                    .stderr(writer.try_clone().unwrap())
                    .stdout(writer)
                    .spawn()
                    .unwrap(),
            ),
        };
        (reader, running)
    }
}

pub(crate) enum Running {
    Confined(tidegate_confine::Child),
    Plain(Child),
}

impl Running {
    pub(crate) fn wait(self) {
        match self {
            Self::Confined(child) => {
                child.wait();
            }
            Self::Plain(mut child) => {
                child.wait().unwrap();
            }
        }
    }

    /// The main program alone, where there is no Cell.
    pub(crate) fn kill(self) {
        match self {
            Self::Confined(child) => {
                child.kill();
                child.wait();
            }
            Self::Plain(mut child) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
}

/// An ordinary user may not reach the target folder, and is given a copy.
pub(crate) fn helpers() -> Helpers {
    Helpers::of(
        std::env::var_os("TIDEGATE_ATTACKS_HELPER")
            .map_or_else(|| Path::new(env!("CARGO_BIN_EXE_confine")).into(), PathBuf::from),
    )
}
