use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The component of `tests/guests/probe`, built once for all tests.
pub(crate) static PROBE: LazyLock<PathBuf> = LazyLock::new(|| {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
    // Beside the tests' own folder: the same in each run, so that it is built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("cli-guests");
    let arguments = [
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--target",
        "wasm32-wasip2",
        "--target-dir",
    ];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).arg(&target).current_dir(guests);
    // What is meant for this build is not meant for the guest's.
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
        cargo.env_remove(name);
    }
    assert!(
        cargo.status().unwrap().success(),
        "the guest does not build; is the target there? rustup target add wasm32-wasip2"
    );
    target.join("wasm32-wasip2/release/probe.wasm")
});
