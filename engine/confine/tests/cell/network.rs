use std::net::TcpListener;

use tidegate_confine::{Exit, Network};

use crate::project::{Project, run};

const OK: Exit = Exit::Code(0);

fn connect(port: u16) -> String {
    format!("import socket\nsocket.create_connection(('127.0.0.1', {port}), 5).close()\nprint('connected')")
}

#[test]
fn without_a_network_the_host_is_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (exit, output) = run(&cell, project.command("/usr/bin/python3", &["-c", &connect(port)]));
    assert_ne!(exit, OK);
    assert!(output.contains("ConnectionRefusedError"), "{output}");
    let (_, interfaces) = project.shell(&cell, "tail -n +3 /proc/net/dev | cut -d: -f1");
    assert_eq!(interfaces.trim(), "lo");
}

#[test]
fn loopback_works_inside_and_is_shared_by_the_commands_of_a_cell() {
    let project = Project::new(&[]);
    let cell = project.start(|spec| {
        spec.extra_files
            .insert("/etc/hosts".into(), "127.64.0.1 db.example.com\n".to_owned());
    });
    let serve = "import socket, os\n\
        server = socket.create_server(('127.64.0.1', 5432))\n\
        open('ready', 'w').close()\n\
        server.accept()";
    let server = cell.spawn(project.command("/usr/bin/python3", &["-c", serve])).unwrap();
    let client = "import socket, os, time\n\
        while not os.path.exists('ready'): time.sleep(0.01)\n\
        socket.create_connection(('db.example.com', 5432), 5).close()\n\
        print(socket.gethostbyname('localhost'))";
    assert_eq!(
        run(&cell, project.command("/usr/bin/python3", &["-c", client])),
        (OK, "127.0.0.1\n".to_owned())
    );
    assert_eq!(server.wait(), OK);
}

#[test]
fn with_the_hosts_network_its_loopback_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = Project::new(&[]);
    let cell = project.start(|spec| spec.network = Network::Host);
    let connected = run(&cell, project.command("/usr/bin/python3", &["-c", &connect(port)]));
    assert_eq!(connected, (OK, "connected\n".to_owned()));
}

#[test]
fn a_socket_that_is_shown_is_reached_without_a_network() {
    let project = Project::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("service.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let other = folder.path().join("other.sock");
    let _other = std::os::unix::net::UnixListener::bind(&other).unwrap();
    let cell = project.start(|spec| spec.for_programs = vec![socket.clone()]);
    let connect = |path: &std::path::Path| {
        let script = format!(
            "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')",
            path.display()
        );
        run(&cell, project.command("/usr/bin/python3", &["-c", &script])).0
    };
    assert_eq!(connect(&socket), OK);
    listener.accept().unwrap();
    assert_ne!(connect(&other), OK);
}
