//! What native programs reach: granted destinations, and the user's package index.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;

use crate::support::Project;

/// Sends a word to `host:port` and prints the answer.
fn client(to: &str) -> String {
    let (host, port) = to.rsplit_once(':').unwrap();
    format!(
        "import socket; s = socket.create_connection((\"{host}\", {port}), 10); s.sendall(b\"hello\"); print(s.recv(100).decode())"
    )
}

fn stage(net: &str, script: &str) -> Project {
    Project::of(&format!(
        "[stages.it]\nuses = \"command\"\nwith = {{ program = \"python\", args = [\"-c\", '''{script}'''] }}\n\
         grant = {{ exec = {{ python = \"/usr/bin/python3\" }}, net = [{net}] }}\n"
    ))
}

fn echoing() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut word = [0; 5];
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
        }
    });
    port
}

#[test]
fn a_service_of_this_machine_and_its_event() {
    let port = echoing();
    let project = stage(
        &format!("\"host-loopback:{port}\""),
        &client(&format!("localhost:{port}")),
    );
    let ran = project.run(["run", "--format", "json"]).code(0);
    let events = ran.events();
    let told = events.iter().find(|event| event["event"] == "connection").unwrap();
    let fields = ["stage", "to", "result", "sent", "received", "message"].map(|name| told[name].to_string());
    let to = format!("\"host-loopback:{port}\"");
    assert_eq!(fields, ["\"it\"", to.as_str(), "\"closed\"", "5", "5", "null"]);
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "connection").count(), 1);
    assert_eq!(kinds.last(), Some(&"run-finished"));
}

#[test]
fn what_is_not_granted_is_named_in_the_failure() {
    let project = stage("\"db.example.com:5432\"", &client("upload.example.com:443"));
    let said = project.run(["run"]).code(1).only_stderr();
    assert_snapshot!(said.lines().skip_while(|line| !line.contains("a program")).collect::<Vec<_>>().join("\n"), @r#"
      it   a program tried to reach upload.example.com:443, which is not granted; if
           it may: net = ["upload.example.com:443"]

      ✗ it  failed [time]
          `python -c 'import socket; s =
          socket.create_connection(("upload.example.com", 443), 10);
          s.sendall(b"hello"); print(s.recv(100).decode())'` ended with exit code 1
    failed in [time]
    the whole log: tidegate logs [run]
    "#);
}

/// The program says nothing of it.
#[test]
fn a_call_that_is_denied_to_all_is_named_in_the_failure() {
    let traced = "import ctypes; exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)";
    let project = stage("\"db.example.com:5432\"", traced);
    assert_snapshot!(project.run(["run"]).code(1).only_stderr(), @"
    project: 1 stage · run [run]
      it started command 0.1.0
      it running: python -c 'import ctypes; exit(ctypes.CDLL(None).ptrace(0, 0, 0,
         0) != 0)'
      it ✗ failed [time]: `python -c 'import ctypes; exit(ctypes.CDLL(None).ptrace(0,
         0, 0, 0) != 0)'` ended with exit code 1
      it   `ptrace` is denied to the programs of every stage, by a filter of system
           calls (docs/security.md)

      ✗ it  failed [time]
          `python -c 'import ctypes; exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) !=
          0)'` ended with exit code 1
    failed in [time]
    the whole log: tidegate logs [run]
    ");
}

#[test]
fn a_granted_name_that_is_not_reached_says_why() {
    let project = stage("\"nobody.invalid:443\"", &client("nobody.invalid:443"));
    let said = project.run(["run"]).code(1).only_stderr();
    assert!(
        said.contains("a program did not reach nobody.invalid:443: it could not be looked up"),
        "{said}"
    );
}

/// The index server of `index_server.py`.
struct Index {
    process: Child,
    index: u16,
    files: u16,
    said: std::sync::mpsc::Receiver<String>,
}

impl Index {
    fn start(project: &Project, login: &str) -> Self {
        let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = project.config_folder();
        std::fs::write(folder.join("ca.pem"), authority.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), authority.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("server.py"), include_str!("index_server.py")).unwrap();
        let mut process = Command::new("python3")
            .args(["server.py", "ca.pem", "key.pem", login])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let (index, files) = first.split_once(' ').unwrap();
        let (sender, said) = std::sync::mpsc::channel();
        let (index, files) = (index.parse().unwrap(), files.parse().unwrap());
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self {
            process,
            index,
            files,
            said,
        }
    }

    fn requests(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes an environment and installs the index's package in it.
const INSTALL: &str = "import os, subprocess, venv; venv.create(\"/tmp/v\", with_pip=True); \
    subprocess.run([\"/tmp/v/bin/pip\", \"install\", \"-q\", \"sample-package\"], check=True); \
    subprocess.run([\"/tmp/v/bin/python\", \"-c\", \"import sample_package; print(sample_package.ANSWER)\"], check=True)";

fn configured(project: Project, login: &str, index: &Index) -> Project {
    let ca = project.config_folder().join("ca.pem");
    let url = format!("https://{login}localhost:{}/simple", index.index);
    project
        .env("PIP_INDEX_URL", &url)
        .env("PIP_CERT", ca.to_str().unwrap())
        .env("PIP_RETRIES", "0")
}

/// However wide the page is.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_index_with_its_own_authority_and_files_at_another_port() {
    let project = stage("\"@python-index\"", INSTALL);
    let index = Index::start(&project, "-");
    let project = configured(project, "", &index);
    let plan = words(&project.run(["plan"]).code(0).only_stdout());
    let places = format!("that is host-loopback:{}, host-loopback:{}", index.index, index.files);
    assert!(plan.contains(&places), "{plan}");
    let ran = project.run(["run", "-v"]).code(0);
    assert!(ran.stderr().contains(" 42\n"), "{}", ran.stderr());
    assert!(
        index
            .requests()
            .contains(&"/sample_package-1.0-py3-none-any.whl authorised".to_owned())
    );
}

#[test]
fn credentials_of_an_index_are_withheld_unless_they_are_granted() {
    let withheld = stage("\"@python-index\"", INSTALL);
    let index = Index::start(&withheld, "me:a-long-password");
    let withheld = configured(withheld, "me:a-long-password@", &index);
    let plan = words(&withheld.run(["plan"]).code(0).only_stdout());
    assert!(plan.contains("without your user name and password"), "{plan}");
    assert!(!plan.contains("a-long-password"), "{plan}");
    index.requests();
    let ran = withheld.run(["run"]).code(1);
    assert!(!ran.stderr().contains("a-long-password"));
    assert!(
        index
            .requests()
            .iter()
            .any(|line| line.ends_with("/sample-package/ refused"))
    );
    // The engine itself asks with the login.
    let granted = std::fs::read_to_string(withheld.path("tidegate.toml"))
        .unwrap()
        .replace(
            "\"@python-index\"",
            "{ to = \"@python-index\", credentials = \"index-login\" }",
        );
    std::fs::write(withheld.path("tidegate.toml"), granted).unwrap();
    let granted = withheld
        .config("[secrets.index-login]\nenv = \"INDEX_LOGIN\"\n")
        .env("INDEX_LOGIN", "me:a-long-password");
    let plan = words(&granted.run(["plan"]).code(0).only_stdout());
    assert!(
        plan.contains("with the secret index-login as user name and password"),
        "{plan}"
    );
    let ran = granted.run(["run", "-v"]).code(0);
    assert!(ran.stderr().contains(" 42\n"), "{}", ran.stderr());
    assert!(!ran.stderr().contains("a-long-password"));
}

#[test]
fn folders_of_packages_need_no_network() {
    let project = stage("\"@python-index\"", INSTALL);
    let index = Index::start(&project, "-");
    let project = configured(project, "", &index);
    let folder = project.config_folder().join("wheels");
    std::fs::create_dir(&folder).unwrap();
    let download = format!(
        "import ssl, urllib.request as r; c = ssl.create_default_context(cafile='ca.pem'); \
         open('wheels/sample_package-1.0-py3-none-any.whl', 'wb').write(r.urlopen('https://localhost:{}/x', context=c).read())",
        index.files
    );
    let downloaded = Command::new("python3")
        .args(["-c", &download])
        .current_dir(project.config_folder())
        .status();
    assert!(downloaded.unwrap().success());
    let project = project
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", folder.to_str().unwrap());
    index.requests();
    let ran = project.run(["run", "-v"]).code(0);
    assert!(ran.stderr().contains(" 42\n"), "{}", ran.stderr());
    assert_eq!(index.requests(), [""; 0]);
}

/// Whatever it is: no host is written down here.
#[test]
fn without_a_setting_pip_says_which_index_is_its_own() {
    let project = stage("\"@python-index\"", "print()");
    let plan = project.run(["plan"]).code(0).only_stdout();
    let after = plan.rsplit_once("that is ").unwrap().1;
    let places = after.split_once("  knows").unwrap().0;
    assert_eq!(places.matches(":443").count(), 2, "{plan}");
}
