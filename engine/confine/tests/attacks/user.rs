//! The same as an ordinary user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn an_ordinary_user_s_attacks_end_the_same() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: these tests run as an ordinary user already");
        return;
    }
    // The target folder may be out of that user's reach.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (helper, tests) = (folder.path().join("confine"), folder.path().join("attacks"));
    fs::copy(env!("CARGO_BIN_EXE_confine"), &helper).unwrap();
    fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&tests)
        .args(["corpus::", "--test-threads=1"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"))
        .env("TIDEGATE_ATTACKS_HELPER", &helper)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("5 passed"), "{said}");
}
