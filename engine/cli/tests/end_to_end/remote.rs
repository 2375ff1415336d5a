//! What a stage does on another host, and what is left there: a real OpenSSH server on a loopback port.

use rustix::process::Signal;

use crate::cancelling::{alive, gone};
use crate::sshd::Sshd;
use crate::support::Project;

/// A project with the target `there`, and one stage that takes these steps.
fn project(sshd: &Sshd, steps: &[&str], rest: &str) -> Project {
    let manifest = format!(
        "[targets.there]\nhosts = [{:?}]\nkey = \"key\"\nhost-keys = [{:?}]\n\
         [stages.it]\nuses = \"probe.wasm\"\nwith = {{ asks = [\"ssh there\"], steps = {steps:?} }}\n\
         grant = {{ ssh = [\"there\"] }}\n{rest}",
        sshd.label(),
        sshd.host_key("ed25519")
    );
    let project = Project::of(&manifest).config("[secrets.key]\nfile = \"key\"\n");
    std::fs::write(project.config_folder().join("key"), sshd.user_key()).unwrap();
    project
}

/// A command line that prints `ready` and stays, whatever happens to its connection, and its mark.
fn stays(number: u32) -> (String, String) {
    let mark = format!("{}", 300_000_000 + std::process::id() * 10 + number);
    let line = format!("remote there trap '' TERM HUP PIPE; echo ready; sleep {mark}; sleep {mark}");
    (line, mark)
}

#[test]
fn a_second_ctrl_c_leaves_no_remote_command() {
    let sshd = Sshd::start();
    let (line, mark) = stays(1);
    let rest = "stop-grace = \"10m\"\n[stages.next]\nuses = \"probe.wasm\"\nneeds = [\"it\"]\nwith = { steps = [] }\n";
    // The call ends with the first Ctrl-C; what comes after it is what the second one ends.
    let project = project(&sshd, &["log here", "wait-stop", &line], rest);
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("here");
    running.signal(Signal::INT);
    running.until_logged("ready");
    assert!(!alive(&mark).is_empty());
    running.signal(Signal::INT);
    running.end().code(130);
    assert!(gone(&mark), "{:?}", alive(&mark));
}

#[test]
fn a_grace_that_ran_out_leaves_no_remote_command() {
    let sshd = Sshd::start();
    let (line, mark) = stays(2);
    let project = project(&sshd, &["log here", "wait-stop", &line], "stop-grace = \"3s\"\n");
    let mut running = project.start(["run", "--format", "json"]);
    running.until_logged("here");
    running.signal(Signal::INT);
    running.until_logged("ready");
    running.end().code(130);
    assert!(gone(&mark), "{:?}", alive(&mark));
}

/// A real `.env` of the host's stays, and no stand-in comes.
#[test]
fn nothing_hidden_is_uploaded() {
    let sshd = Sshd::start();
    let site = sshd.files().join("site");
    std::fs::create_dir_all(&site).unwrap();
    std::fs::write(site.join(".env"), "of the host").unwrap();
    std::fs::write(site.join("old.py"), "").unwrap();
    let step = format!("upload there {}", site.display());
    let project = project(&sshd, &[&step], "[pipeline]\nhide = [\"*.pem\"]\n")
        .file("app.py", "print(1)\n")
        .file(".env", "TOKEN=x\n")
        .file(".git/config", "[core]\n")
        .file("sub/.env.local", "x\n")
        .file("sub/.env.example", "x\n")
        .file("sub/key.pem", "x\n");
    project.run(["run"]).code(0);
    let names = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&site), [".env", "app.py", "probe.wasm", "sub", "tidegate.toml"]);
    assert_eq!(names(&site.join("sub")), [".env.example"]);
    assert_eq!(std::fs::read_to_string(site.join(".env")).unwrap(), "of the host");
}
