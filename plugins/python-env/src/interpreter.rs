use serde::{Deserialize, Serialize};
use tidegate_sdk::process::Command;
use tidegate_sdk::{Failure, failure};

/// The stage's name for the interpreter.
pub(crate) const PYTHON: &str = "python";

/// The granted Python, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interpreter {
    /// `3.12.4`
    pub(crate) version: String,
    /// Absolute.
    pub(crate) executable: String,
    /// Where it is installed.
    pub(crate) base: String,
    /// It can put pip into an environment. Debian's comes without, unless its package `python3-venv` is there.
    pub(crate) ensurepip: bool,
}

/// Isolated (`-I -S`): nothing of the project runs here.
const DESCRIBE: &str = "import importlib.util, json, sys; print(json.dumps({\
    'version': '.'.join(map(str, sys.version_info[:3])), 'executable': sys.executable, 'base': sys.base_prefix, \
    'ensurepip': importlib.util.find_spec('ensurepip') is not None and importlib.util.find_spec('venv') is not None}))";

impl Interpreter {
    pub(crate) fn command() -> Command {
        Command::new(PYTHON).args(["-I", "-S", "-c", DESCRIBE])
    }

    pub(crate) fn ask() -> Result<Self, Failure> {
        let output = Self::command().output()?;
        if !output.exit.success() {
            return Err(failure::misconfigured(format!(
                "python {}: {}",
                output.exit,
                output.stderr_text().trim()
            )));
        }
        Self::parse(&output.stdout)
    }

    pub(crate) fn parse(stdout: &[u8]) -> Result<Self, Failure> {
        // From a text, as everything else here: a second kind of reader makes the component a good deal larger.
        str::from_utf8(stdout)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| {
                failure::misconfigured("`python` does not answer as a Python does: is the grant bound to one?")
            })
    }
}
