use tidegate_sdk::process::{self, Command};
use tidegate_sdk::{Failure, failure};

use crate::config::Choice;
use crate::interpreter::{Interpreter, PYTHON};

/// The stage's name for uv.
pub(crate) const UV: &str = "uv";

/// One more try for a flicker of the network; the engine retries a stage that was `unavailable`.
const RETRIES: &str = "2";

/// What puts packages into an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Installer {
    Pip,
    /// With its version, as it tells it.
    Uv(String),
}

impl Installer {
    pub(crate) fn choose(choice: Choice) -> Result<Self, Failure> {
        if choice == Choice::Pip {
            return Ok(Self::Pip);
        }
        match Command::new(UV).arg("--version").output() {
            Ok(output) if output.exit.success() => Ok(Self::Uv(output.stdout_text().trim().to_owned())),
            Ok(output) if choice == Choice::Uv => Err(failure::misconfigured(format!(
                "uv {}: {}",
                output.exit,
                output.stderr_text().trim()
            ))),
            Err(error) if choice == Choice::Uv => Err(error.into()),
            Err(error @ process::Error::Stopping) => Err(error.into()),
            Ok(_) | Err(_) => Ok(Self::Pip),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv(_) => "uv",
        }
    }

    /// What the stamp keeps of it.
    pub(crate) fn identity(&self) -> &str {
        match self {
            Self::Pip => "pip",
            Self::Uv(version) => version,
        }
    }

    /// Makes an empty environment in `folder`, whatever was there. uv needs no pip in it.
    pub(crate) fn create(&self, folder: &str) -> Command {
        let command = Command::new(PYTHON).args(["-I", "-m", "venv", "--clear"]);
        let command = match self {
            Self::Pip => command,
            Self::Uv(_) => command.arg("--without-pip"),
        };
        command.arg(folder)
    }

    /// Installs `arguments` (requirements, `-r FILE`, `-e FOLDER`) into the environment in `folder`.
    pub(crate) fn install(&self, folder: &str, arguments: &[String]) -> Command {
        match self {
            // Only `python` is granted; it becomes the environment's own one, which has pip.
            Self::Pip => Command::new(PYTHON)
                .args(["-I", "-c", "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"])
                .args([&format!("{folder}/bin/python"), "-m", "pip", "install", "--no-input"])
                .args([
                    "--disable-pip-version-check",
                    "--progress-bar",
                    "off",
                    "--retries",
                    RETRIES,
                ])
                .args(arguments),
            Self::Uv(_) => uv_environment(
                Command::new(UV)
                    .args(["pip", "install", "--python", &format!("{folder}/bin/python")])
                    .args(arguments),
            ),
        }
    }
}

/// Installs what `uv.lock` holds, and refuses a lock that does not fit its project any more.
pub(crate) fn sync(
    environment: &str,
    project: &str,
    interpreter: &Interpreter,
    extras: &[String],
    groups: &[String],
) -> Command {
    let mut command = Command::new(UV)
        .args(["sync", "--locked", "--no-default-groups", "--project", project])
        .args(["--python", &interpreter.executable])
        .env("UV_PROJECT_ENVIRONMENT", environment);
    for extra in extras {
        command = command.args(["--extra", extra]);
    }
    for group in groups {
        command = command.args(["--group", group]);
    }
    uv_environment(command)
}

fn uv_environment(command: Command) -> Command {
    command
        .env("UV_NO_PROGRESS", "1")
        // The granted Python is the one, never a downloaded one.
        .env("UV_PYTHON_DOWNLOADS", "never")
        // The cache lies in scratch, on another file system.
        .env("UV_LINK_MODE", "copy")
        .env("UV_HTTP_RETRIES", RETRIES)
}
