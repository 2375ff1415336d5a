//! The stable codes of all mistakes, each with its page for `tidegate explain`.

use crate::Code;

/// Declares one constant per code, and the table of all of them with the page of the same name.
macro_rules! codes {
    ($($name:ident = $family:literal / $slug:literal: $meaning:literal;)*) => {
        $(pub(crate) const $name: Code = concat!($family, "/", $slug);)*

        const CODES: &[(&str, &str, &str)] =
            &[$(($name, $meaning, include_str!(concat!("explain/", $slug, ".md")))),*];
    };
}

codes! {
    SYNTAX = "manifest" / "syntax": "the text is not TOML";
    DUPLICATE_KEY = "manifest" / "duplicate-key": "a key or a table is written twice";
    TOO_LARGE = "manifest" / "too-large": "the manifest is larger than any that people write";
    NUL = "manifest" / "nul": "a text with a NUL character";
    UNKNOWN_KEY = "manifest" / "unknown-key": "a key that this table does not have";
    MISSING_KEY = "manifest" / "missing-key": "a key that this table must have";
    WRONG_TYPE = "manifest" / "wrong-type": "a value of another type than the key takes";
    NO_STAGES = "manifest" / "no-stages": "the manifest has no stage";
    EMPTY = "manifest" / "empty": "a text or a list without content";
    DUPLICATE_ENTRY = "manifest" / "duplicate-entry": "a list names the same thing twice";
    INVALID_NAME = "manifest" / "invalid-name": "a name with characters that names can't have";
    INVALID_DURATION = "manifest" / "invalid-duration": "a duration without a unit, or out of bounds";
    INVALID_SIZE = "manifest" / "invalid-size": "a size without a unit, or out of bounds";
    INVALID_NUMBER = "manifest" / "invalid-number": "a number that is out of bounds";
    INVALID_PATH = "manifest" / "invalid-path": "a path that leads where this key can't lead";
    INVALID_PROGRAM = "manifest" / "invalid-program": "an `exec` binding that is not one program";
    INVALID_USES = "manifest" / "invalid-uses": "`uses` names no component";
    INVALID_CONFIG = "manifest" / "invalid-config": "a value in `with` that JSON does not have";
    INVALID_NET = "manifest" / "invalid-net": "an entry of `net` that is no destination";
    INVALID_ORIGIN = "manifest" / "invalid-origin": "an entry of `http` that is no origin";
    INVALID_HOST = "manifest" / "invalid-host": "a target's host that is not `user@host`";
    INVALID_HOST_KEY = "manifest" / "invalid-host-key": "an entry of `host-keys` that is no public key";
    HOST_KEYS = "manifest" / "host-keys": "a target with both or none of `host-keys` and `known-hosts`";
    UNKNOWN_STAGE = "manifest" / "unknown-stage": "`needs` names a stage that is not there";
    NEEDS_ITSELF = "manifest" / "needs-itself": "a stage needs itself";
    CYCLE = "manifest" / "cycle": "stages need each other in a circle";
    UNKNOWN_GRANT_SET = "manifest" / "unknown-grant-set": "`grant` names a set that is not there";
    UNUSED_GRANT_SET = "manifest" / "unused-grant-set": "no stage uses this set of grants";
    GRANT_CONFLICT = "manifest" / "grant-conflict": "two sets of grants say different things";
    UNKNOWN_TARGET = "manifest" / "unknown-target": "`ssh` names a target that is not there";
    SECRET_SOURCE = "config" / "secret-source": "a secret with both or none of `env` and `file`";
}

/// Every code of this crate: the code, its meaning in one line, and its page in Markdown (cause, wrong and right example).
pub fn codes() -> &'static [(&'static str, &'static str, &'static str)] {
    CODES
}
