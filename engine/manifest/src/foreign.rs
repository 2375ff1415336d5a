//! Keys that people know from other CI systems, and what they write here instead.

/// Words that stand for one thing elsewhere.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) words: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// What to write instead of `word`; spelling with `_` or `-` and letter case don't count.
pub(crate) fn foreign_help(table: &'static [Foreign], word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('_', "-");
    table
        .iter()
        .find(|foreign| foreign.words.contains(&word.as_str()))
        .map(|foreign| foreign.help)
}

const fn foreign(words: &'static [&'static str], help: &'static str) -> Foreign {
    Foreign { words, help }
}

pub(crate) const MANIFEST: &[Foreign] = &[
    foreign(
        &["jobs", "steps", "tasks", "workflow", "workflows"],
        "each stage is a table of its own: `[stages.NAME]`, with `needs` for the order",
    ),
    foreign(
        &["on", "trigger", "triggers", "schedule", "push", "pull-request"],
        "a manifest says what runs, not when; a stage's `when` may ask for the branch",
    ),
    foreign(&["name", "title", "project"], "write `name` under `[pipeline]`"),
    foreign(
        &["hide", "exclude", "ignore"],
        "write `hide = [\"PATTERN\"]` under `[pipeline]`",
    ),
    foreign(
        &["variables", "environment", "parameters"],
        "variables of programs stand in `[env]`, values for `${…}` in `[vars]`",
    ),
    foreign(
        &["secrets", "credentials"],
        "a stage names its secrets in `grant`; where they come from stands in your own config.toml",
    ),
    foreign(
        &[
            "image",
            "services",
            "container",
            "runs-on",
            "executors",
            "orbs",
            "docker",
        ],
        "stages are components, not containers; a stage names one with `uses`",
    ),
    foreign(
        &["permissions", "capabilities"],
        "every stage has its own `grant`; sets to share stand in `[grants.NAME]`",
    ),
    foreign(
        &["include", "extends", "default", "defaults"],
        "a manifest is one file; sets to share stand in `[grants.NAME]`",
    ),
    foreign(&["version"], "the manifest has no version; remove this line"),
    foreign(&["hosts", "servers", "deploy"], "SSH hosts stand in `[targets.NAME]`"),
];

pub(crate) const STAGE: &[Foreign] = &[
    foreign(
        &[
            "run",
            "script",
            "command",
            "commands",
            "cmd",
            "before-script",
            "after-script",
            "entrypoint",
            "shell",
        ],
        "a stage is a component, not a shell script; `uses = \"command\"` runs one granted program",
    ),
    foreign(
        &["depends-on", "depends", "requires", "dependencies", "after"],
        "write `needs = [\"STAGE\"]`",
    ),
    foreign(
        &[
            "image",
            "container",
            "docker",
            "runs-on",
            "executor",
            "services",
            "tags",
            "agent",
            "machine",
        ],
        "stages are components, not containers; programs of this machine come with `grant = { exec = [\"PROGRAM\"] }`",
    ),
    foreign(
        &["steps", "jobs", "stages", "tasks"],
        "a stage does one thing; write one `[stages.NAME]` for each step, with `needs` for the order",
    ),
    foreign(
        &["if", "rules", "only", "except", "condition", "filters", "branches"],
        "write `when = \"branch == 'main'\"`",
    ),
    foreign(
        &["environment", "variables", "vars"],
        "write `env = { NAME = \"value\" }`",
    ),
    foreign(
        &["secrets", "secret", "credentials"],
        "write `grant = { secrets = [\"NAME\"] }`",
    ),
    foreign(
        &["permissions", "grants", "allow", "capabilities", "access"],
        "write `grant = { … }`",
    ),
    foreign(&GRANT_KEYS, "this belongs into the stage's grant: `grant = { … }`"),
    foreign(
        &["timeout-minutes", "time", "max-time", "deadline"],
        "write `timeout = \"10m\"`",
    ),
    foreign(
        &["plugin", "component", "action", "task", "orb", "type"],
        "write `uses = \"NAME\"`: a standard stage, a name from `[plugins]`, or a path that ends in `.wasm`",
    ),
    foreign(
        &[
            "config",
            "args",
            "arguments",
            "options",
            "params",
            "parameters",
            "settings",
        ],
        "write `with = { … }`",
    ),
    foreign(&["name", "id"], "the stage's name is in its header: `[stages.NAME]`"),
    foreign(
        &["cache", "artifacts", "outputs"],
        "the component itself keeps artifacts and state; `tidegate inspect NAME` shows what its `with` takes",
    ),
    foreign(
        &["matrix", "strategy", "parallel"],
        "write one stage for each combination",
    ),
    foreign(
        &["retry", "retries", "allow-failure", "continue-on-error"],
        "a stage passes or fails; `tidegate run --keep-going` goes on with the others after a failure",
    ),
    foreign(
        &["working-directory", "cwd", "workdir", "dir"],
        "a stage starts in the workspace; `tidegate inspect NAME` shows whether its `with` takes a folder",
    ),
];

/// Keys of a grant that stand in the stage itself by mistake.
const GRANT_KEYS: [&str; 9] = [
    "read",
    "write",
    "exec",
    "net",
    "ssh",
    "http",
    "memory",
    "processes",
    "output",
];

pub(crate) const GRANT: &[Foreign] = &[
    foreign(
        &["network", "networking", "connect", "outbound", "internet", "sockets"],
        "write `net = [\"HOST:PORT\"]` for native programs, or `http = [\"https://HOST\"]` for the component itself",
    ),
    foreign(
        &[
            "execute", "run", "command", "commands", "program", "programs", "process", "binaries",
        ],
        "write `exec = [\"PROGRAM\"]`",
    ),
    foreign(
        &[
            "filesystem",
            "fs",
            "files",
            "file",
            "paths",
            "path",
            "mounts",
            "volumes",
        ],
        "the workspace can be read as it is; `write = [\"FOLDER\"]` keeps changes, `read = [\"/PATH\"]` shows more",
    ),
    foreign(
        &["environment", "variables", "vars", "env-vars"],
        "write `env = [\"NAME\"]`",
    ),
    foreign(
        &["secret", "token", "tokens", "credentials"],
        "write `secrets = [\"NAME\"]`",
    ),
    foreign(
        &["https", "url", "urls", "fetch", "origin", "origins", "requests"],
        "write `http = [\"https://HOST\"]`",
    ),
    foreign(
        &["target", "targets", "host", "hosts", "remote"],
        "write `ssh = [\"TARGET\"]`, with a name from `[targets]`",
    ),
    foreign(&["git", "vcs", "commit", "branch"], "write `source = true`"),
    foreign(&["time", "timeout"], "write `timeout` in the stage itself"),
    foreign(
        &["mem", "ram"],
        "write `memory = \"256MiB\"` for the component, `program-memory` for native programs",
    ),
    foreign(&["pids", "threads", "max-processes"], "write `processes = 64`"),
];

pub(crate) const TARGET: &[Foreign] = &[
    foreign(
        &["host", "address", "server", "servers", "hostname"],
        "write `hosts = [\"USER@HOST\"]`",
    ),
    foreign(
        &["user", "username", "port"],
        "user and port stand with the host: `hosts = [\"USER@HOST:PORT\"]`",
    ),
    foreign(
        &[
            "password",
            "private-key",
            "identity",
            "identity-file",
            "key-file",
            "ssh-key",
        ],
        "write `key = \"NAME\"`, the name of a secret that holds the private key",
    ),
    foreign(
        &["host-key", "fingerprint", "fingerprints", "hostkey"],
        "write `host-keys = [\"ssh-ed25519 AAAA…\"]`, as `ssh-keyscan HOST` prints them",
    ),
    foreign(
        &["strict-host-key-checking", "insecure", "verify"],
        "host keys are always checked; write `host-keys` or `known-hosts`",
    ),
    foreign(&["timeout"], "write `connect-timeout`"),
];

pub(crate) const SECRET: &[Foreign] = &[
    foreign(&["path"], "write `file = \"PATH\"`"),
    foreign(
        &["value", "secret", "token", "password"],
        "a secret's value never stands here; write `env = \"VARIABLE\"` or `file = \"PATH\"`",
    ),
    foreign(&["variable", "environment", "var"], "write `env = \"VARIABLE\"`"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    #[test]
    fn spelling_does_not_count() {
        assert_eq!(foreign_help(STAGE, "depends_on"), Some("write `needs = [\"STAGE\"]`"));
        assert_eq!(foreign_help(STAGE, "dependsOn"), None);
        assert_eq!(foreign_help(STAGE, "Run"), foreign_help(STAGE, "script"));
    }

    #[test]
    fn no_foreign_word_is_a_key_of_the_same_table() {
        for keys in [keys::MANIFEST, keys::STAGE, keys::GRANT, keys::TARGET, keys::SECRET] {
            for word in keys.foreign.iter().flat_map(|foreign| foreign.words) {
                assert!(!keys.names.contains(word), "{word}");
            }
        }
    }
}
