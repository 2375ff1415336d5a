use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command as HostCommand;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tidegate_confine::{Cell, CellSpec, Connection, ConnectionEnd, Destination, Exit, Level};

use crate::project::{HELPER, Project, eventually, helpers, run};

const OK: Exit = Exit::Code(0);
const PYTHON: &str = "/usr/bin/python3";

type Told = Arc<Mutex<Vec<Connection>>>;

/// A Cell, and what it tells of its network.
fn observed(project: &Project, network: Vec<Destination>) -> (Cell, Told) {
    let mut spec = project.spec();
    spec.network = network;
    let told = Told::default();
    let telling = told.clone();
    let observer = move |connection| telling.lock().unwrap().push(connection);
    (Cell::start_observed(&helpers(), &spec, observer).unwrap(), told)
}

fn python(project: &Project, cell: &Cell, script: &str) -> (Exit, String) {
    run(cell, project.command(PYTHON, &["-c", script]))
}

/// A server of this machine that answers each connection with what it was sent, upper case, once that has ended.
fn shouting(at: impl Into<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind(at.into()).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut heard = Vec::new();
                if stream.read_to_end(&mut heard).is_ok() {
                    let _ = stream.write_all(&heard.to_ascii_uppercase());
                }
            });
        }
    });
    address
}

fn shout(host: &str, port: u16) -> String {
    format!(
        "import socket\ns = socket.create_connection(('{host}', {port}), 10)\ns.sendall(b'hello')\n\
         s.shutdown(socket.SHUT_WR)\nprint(s.recv(100).decode())"
    )
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn host(host: &str, port: u16, private: bool) -> Destination {
    Destination::Host {
        host: host.into(),
        port,
        private,
    }
}

#[test]
fn without_a_network_the_host_is_out_of_reach() {
    let port = shouting(loopback(0)).port();
    let project = Project::new(&[]);
    let cell = project.start(|_| {});
    let (exit, output) = python(&project, &cell, &shout("127.0.0.1", port));
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
            .insert("/etc/hosts".into(), "127.99.0.1 db.example.com\n".to_owned());
    });
    let serve = "import socket, os\n\
        server = socket.create_server(('127.99.0.1', 5432))\n\
        open('ready', 'w').close()\n\
        server.accept()";
    let server = cell.spawn(project.command(PYTHON, &["-c", serve])).unwrap();
    let client = "import socket, os, time\n\
        while not os.path.exists('ready'): time.sleep(0.01)\n\
        socket.create_connection(('db.example.com', 5432), 5).close()\n\
        print(socket.gethostbyname('localhost'))";
    assert_eq!(python(&project, &cell, client), (OK, "127.0.0.1\n".to_owned()));
    assert_eq!(server.wait(), OK);
}

#[test]
fn a_service_of_the_hosts_loopback_is_at_the_same_port() {
    let granted = shouting(loopback(0)).port();
    let other = shouting(loopback(0)).port();
    let project = Project::new(&[]);
    let (cell, told) = observed(&project, vec![Destination::HostLoopback { port: granted }]);
    for name in ["127.0.0.1", "localhost", "::1"] {
        let result = python(&project, &cell, &shout(name, granted));
        assert_eq!(result, (OK, "HELLO\n".to_owned()), "{name}");
    }
    assert_ne!(python(&project, &cell, &shout("127.0.0.1", other)).0, OK);
    drop(cell);
    let to = format!("host-loopback:{granted}");
    let told: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .map(|one| (one.to.clone(), one.end.clone()))
        .collect();
    let closed = (to, ConnectionEnd::Closed { sent: 5, received: 5 });
    let denied = (format!("host-loopback:{other}"), ConnectionEnd::Denied);
    assert_eq!(told, [closed.clone(), closed.clone(), closed, denied]);
}

/// By names, which are asked for over TCP, and by the gate.
#[test]
fn at_the_degraded_level_the_same_is_reached() {
    let granted = shouting(loopback(0)).port();
    let other = shouting(loopback(0)).port();
    let project = Project::new(&[]);
    let mut spec = project.spec();
    spec.level = Level::Degraded;
    spec.network = vec![
        Destination::HostLoopback { port: granted },
        host("nobody.invalid", 443, false),
    ];
    let told = Told::default();
    let telling = told.clone();
    let cell = Cell::start_observed(&helpers(), &spec, move |one| telling.lock().unwrap().push(one)).unwrap();
    let degraded = |script: &str| {
        let mut command = project.command(PYTHON, &["-c", script]);
        command.env = spec
            .identity()
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        run(&cell, command)
    };
    for name in ["127.0.0.1", "localhost"] {
        assert_eq!(degraded(&shout(name, granted)), (OK, "HELLO\n".to_owned()), "{name}");
    }
    for (name, port) in [
        ("127.0.0.1", other),
        ("upload.example.com", 443),
        ("nobody.invalid", 443),
    ] {
        let (exit, output) = degraded(&shout(name, port));
        assert_ne!(exit, OK, "{output}");
    }
    drop(cell);
    let told = told.lock().unwrap();
    let ends: Vec<_> = told.iter().map(|one| (one.to.as_str(), one.end.clone())).collect();
    let closed = ConnectionEnd::Closed { sent: 5, received: 5 };
    let (to, refused) = (format!("host-loopback:{granted}"), format!("host-loopback:{other}"));
    assert_eq!(ends[..2], [(to.as_str(), closed.clone()), (to.as_str(), closed)]);
    for denied in [refused.as_str(), "upload.example.com", "upload.example.com:443"] {
        assert!(ends.contains(&(denied, ConnectionEnd::Denied)), "{denied}: {ends:?}");
    }
    assert!(
        matches!(ends.last(), Some(("nobody.invalid:443", ConnectionEnd::Failed(_)))),
        "{ends:?}"
    );
}

#[test]
fn the_hosts_loopback_over_ipv6_too() {
    let port = shouting((Ipv6Addr::LOCALHOST, 0)).port();
    let project = Project::new(&[]);
    let (cell, _) = observed(&project, vec![Destination::HostLoopback { port }]);
    let result = python(&project, &cell, &shout("127.0.0.1", port));
    assert_eq!(result, (OK, "HELLO\n".to_owned()));
}

#[test]
fn much_and_many_at_once_arrive_whole() {
    let port = shouting(loopback(0)).port();
    let project = Project::new(&[]);
    let (cell, told) = observed(&project, vec![Destination::HostLoopback { port }]);
    let script = format!(
        "import hashlib, os, socket, threading\n\
         def one(number):\n\
         \x20   s = socket.create_connection(('127.0.0.1', {port}), 60)\n\
         \x20   data = (b'%d ' % number) * 500000\n\
         \x20   threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()\n\
         \x20   got = b''.join(iter(lambda: s.recv(65536), b''))\n\
         \x20   assert got == data, len(got)\n\
         threads = [threading.Thread(target=one, args=(n,)) for n in range(10, 40)]\n\
         [t.start() for t in threads]; [t.join() for t in threads]\n\
         print('done')"
    );
    assert_eq!(python(&project, &cell, &script), (OK, "done\n".to_owned()));
    drop(cell);
    let told = told.lock().unwrap();
    let (sent, received) = (1_500_000, 1_500_000);
    assert_eq!(told.len(), 30);
    assert!(
        told.iter()
            .all(|one| one.end == ConnectionEnd::Closed { sent, received }),
        "{told:?}"
    );
}

#[test]
fn the_end_of_a_cell_is_the_end_of_its_connections() {
    let listener = TcpListener::bind(loopback(0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = Project::new(&[]);
    let (cell, told) = observed(&project, vec![Destination::HostLoopback { port }]);
    let script = format!(
        "import socket, time\ns = socket.create_connection(('127.0.0.1', {port}))\ns.send(b'x')\ntime.sleep(60)"
    );
    let _child = cell.spawn(project.command(PYTHON, &["-c", &script])).unwrap();
    let mut stream = listener.accept().unwrap().0;
    stream.read_exact(&mut [0]).unwrap();
    let start = Instant::now();
    drop(cell);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    let end = ConnectionEnd::Closed { sent: 1, received: 0 };
    assert_eq!(told.lock().unwrap()[0].end, end);
}

#[test]
fn what_a_program_sends_last_arrives() {
    let listener = TcpListener::bind(loopback(0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = Project::new(&[]);
    let (cell, _) = observed(&project, vec![Destination::HostLoopback { port }]);
    let script =
        format!("import socket\ns = socket.create_connection(('127.0.0.1', {port}))\ns.sendall(b'x' * 12000000)");
    let reading = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let (mut heard, mut buffer) = (0, vec![0; 256 << 10]);
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            heard += length;
            std::thread::sleep(Duration::from_millis(5));
        }
        heard
    });
    assert_eq!(python(&project, &cell, &script).0, OK);
    drop(cell);
    assert_eq!(reading.join().unwrap(), 12_000_000);
}

#[test]
fn nothing_of_a_network_is_left_in_the_engine() {
    let project = Project::new(&[]);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    drop(observed(&project, Vec::new()));
    let before = descriptors();
    for _ in 0..20 {
        drop(observed(&project, vec![Destination::HostLoopback { port: 9 }]));
    }
    // Tests beside this one open and close theirs.
    eventually("the descriptors are closed", || descriptors() <= before + 12);
}

#[test]
fn a_name_that_is_not_granted_is_told_and_leads_nowhere() {
    let project = Project::new(&[]);
    let (cell, told) = observed(&project, vec![host("example.com", 443, false)]);
    let script = "import socket, time\n\
        start = time.time()\n\
        for name in ['upload.example.com', 'Upload.example.com', 'redis', 'site.invalid']:\n\
        \x20   try: socket.create_connection((name, 443), 5)\n\
        \x20   except OSError as error: print(type(error).__name__)\n\
        assert time.time() - start < 3";
    let (exit, output) = python(&project, &cell, script);
    assert_eq!(exit, OK, "{output}");
    let names: Vec<_> = output.lines().collect();
    assert_eq!(
        names,
        [
            "ConnectionRefusedError",
            "ConnectionRefusedError",
            "gaierror",
            "gaierror"
        ]
    );
    drop(cell);
    let told: Vec<_> = told.lock().unwrap().iter().cloned().collect();
    assert!(told.iter().all(|one| one.end == ConnectionEnd::Denied));
    let told: Vec<_> = told.into_iter().map(|one| one.to).collect();
    assert_eq!(
        told,
        ["upload.example.com", "upload.example.com:443", "redis", "site.invalid"]
    );
}

#[test]
fn the_name_server_speaks_tcp_and_knows_addresses_only() {
    let project = Project::new(&[]);
    let (cell, _) = observed(&project, vec![host("db.example.com", 5432, false)]);
    let script = "import socket, struct\n\
        def ask(kind, tcp):\n\
        \x20   name = b''.join(bytes([len(part)]) + part for part in b'db.example.com'.split(b'.')) + b'\\0'\n\
        \x20   query = struct.pack('>HHHHHH', 9, 0x100, 1, 0, 0, 0) + name + struct.pack('>HH', kind, 1)\n\
        \x20   s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)\n\
        \x20   s.settimeout(5); s.connect(('127.64.0.53', 53))\n\
        \x20   s.send(struct.pack('>H', len(query)) + query if tcp else query)\n\
        \x20   reply = s.recv(1000)[2 if tcp else 0:]\n\
        \x20   return reply[3] & 15, reply[-4:] if reply[7] else b''\n\
        address = socket.inet_aton('127.64.1.1')\n\
        assert ask(1, True) == ask(1, False) == (0, address)\n\
        assert ask(28, True) == (0, b''), ask(28, True)\n\
        assert ask(15, False) == (3, b'')\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'junk', ('127.64.0.53', 53))\n\
        s = socket.create_connection(('127.64.0.53', 53)); s.send(b'\\xff'); s.close()\n\
        assert ask(1, False) == (0, address)\n\
        print(socket.gethostbyname('db.example.com'))";
    assert_eq!(python(&project, &cell, script), (OK, "127.64.1.1\n".to_owned()));
}

#[test]
fn too_many_destinations_are_an_error() {
    let project = Project::new(&[]);
    let mut spec = project.spec();
    spec.network = (1..62).map(|port| host("example.com", port, false)).collect();
    let error = Cell::start(&helpers(), &spec).unwrap_err();
    assert_eq!(error.to_string(), "more than 60 network destinations");
    spec.network.pop();
    Cell::start(&helpers(), &spec).unwrap();
}

/// A network of its own for the `confine` program, with names and addresses that this machine does not have, and a server that
/// shouts at 10.5.5.5, fd55::5 and 127.0.0.1.
fn in_a_network(confine: &str) -> (String, String) {
    let at_full = told_in_a_network(confine);
    // Names come from the machine's own list of hosts there, and connections through the gate. Names with one address are one.
    let degraded = told_in_a_network(&format!("--degraded {confine}"));
    for reached in at_full.0.lines().filter(|line| line.ends_with("HELLO")) {
        assert!(
            degraded.0.lines().any(|line| line == reached),
            "{reached}: {degraded:?}"
        );
    }
    at_full
}

fn told_in_a_network(confine: &str) -> (String, String) {
    let project = Project::new(&[]);
    let folder = project.scratch.path();
    std::fs::write(
        folder.join("hosts"),
        "127.0.0.1 localhost inside.example.com\n10.5.5.5 db.corp.example.com a.below.example.com b.below.example.com\n",
    )
    .unwrap();
    let server = "import socketserver, threading\n\
        class Shout(socketserver.StreamRequestHandler):\n\
        \x20   def handle(self): self.wfile.write(self.rfile.read().upper())\n\
        class Six(socketserver.ThreadingTCPServer): address_family = 10\n\
        for kind, address in [(socketserver.ThreadingTCPServer, '10.5.5.5'), (Six, 'fd55::5'), (socketserver.ThreadingTCPServer, '127.0.0.1')]:\n\
        \x20   for port in [7000, 7001]: threading.Thread(target=kind((address, port), Shout).serve_forever).start()\n\
        print('ready', flush=True)";
    std::fs::write(folder.join("server.py"), server).unwrap();
    let client = "import socket, sys\n\
        for to in sys.argv[1:]:\n\
        \x20   host, port = to.rsplit(':', 1)\n\
        \x20   try: s = socket.create_connection((host, int(port)), 10)\n\
        \x20   except ConnectionResetError: print(to, 'reset'); continue\n\
        \x20   except OSError as error: print(to, type(error).__name__); continue\n\
        \x20   try: s.sendall(b'hello'); s.shutdown(socket.SHUT_WR); print(to, s.recv(100).decode() or 'nothing')\n\
        \x20   except OSError: print(to, 'reset')\n";
    std::fs::write(project.path("client.py"), client).unwrap();
    let script = "set -e\n\
        mount --bind \"$TMPDIR/hosts\" /etc/hosts\n\
        ip link set lo up; ip address add 10.5.5.5/32 dev lo; ip address add fd55::5/128 dev lo nodad\n\
        mkfifo \"$TMPDIR/ready\"; python3 \"$TMPDIR/server.py\" > \"$TMPDIR/ready\" & server=$!\n\
        trap 'kill $server' EXIT\n\
        read line < \"$TMPDIR/ready\"\n";
    let output = HostCommand::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--net", "sh", "-c"])
        .arg(format!("{script}{HELPER} {confine}"))
        .env_clear()
        .env("TMPDIR", folder)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn a_private_name_is_reached_only_where_it_is_granted_as_private() {
    let (stdout, stderr) = in_a_network(
        "--net-private db.corp.example.com:7000 --net inside.example.com:7000 --net db.corp.example.com:7001 -- \
         python3 client.py db.corp.example.com:7000 DB.CORP.example.com.:7000 inside.example.com:7000 \
         db.corp.example.com:7001 db.corp.example.com:7002",
    );
    let expected = "db.corp.example.com:7000 HELLO\nDB.CORP.example.com.:7000 HELLO\n\
        inside.example.com:7000 reset\ndb.corp.example.com:7001 reset\n\
        db.corp.example.com:7002 ConnectionRefusedError\n";
    assert_eq!(stdout, expected, "{stderr}");
    let expected = "confine: inside.example.com:7000 was not reached: it resolves to 127.0.0.1, which is not on the public \
        Internet; if that is meant, grant it as { to = \"inside.example.com:7000\", private = true }\n";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(
        stderr.contains("db.corp.example.com:7001 was not reached: it resolves to 10.5.5.5"),
        "{stderr}"
    );
    // It was granted, and whoever accepted it has ended it.
    assert!(!stderr.contains("7001 is not granted"), "{stderr}");
}

#[test]
fn addresses_are_granted_by_being_named() {
    let (stdout, stderr) = in_a_network(
        "--net 10.5.5.5:7000 --net '[fd55::5]:7001' -- python3 client.py 10.5.5.5:7000 10.5.5.5:7001 fd55::5:7001 fd55::5:7000 \
         10.5.5.6:7000",
    );
    let expected = "10.5.5.5:7000 HELLO\n10.5.5.5:7001 ConnectionRefusedError\nfd55::5:7001 HELLO\n\
        fd55::5:7000 ConnectionRefusedError\n10.5.5.6:7000 OSError\n";
    assert_eq!(stdout, expected, "{stderr}");
}

#[test]
fn a_domain_gives_the_names_below_it_and_their_ports() {
    let (stdout, stderr) = in_a_network(
        "--net-private '*.below.example.com:7000' --net-private a.below.example.com:7001 -- python3 client.py \
         a.below.example.com:7000 b.below.example.com:7000 a.below.example.com:7001 b.below.example.com:7001 \
         below.example.com:7000 none.below.example.com:7000",
    );
    let expected = "a.below.example.com:7000 HELLO\nb.below.example.com:7000 HELLO\na.below.example.com:7001 HELLO\n\
        b.below.example.com:7001 ConnectionRefusedError\nbelow.example.com:7000 ConnectionRefusedError\n\
        none.below.example.com:7000 reset\n";
    assert_eq!(stdout, expected, "{stderr}");
    assert!(
        stderr.contains("confine: below.example.com is not granted\n"),
        "{stderr}"
    );
    assert!(
        stderr.contains("confine: none.below.example.com:7000 was not reached: it could not be looked up"),
        "{stderr}"
    );
}

#[test]
fn a_socket_that_is_shown_is_reached_without_a_network() {
    let project = Project::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("service.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let other = folder.path().join("other.sock");
    let _other = std::os::unix::net::UnixListener::bind(&other).unwrap();
    let cell = project.start(|spec: &mut CellSpec| spec.for_programs = vec![socket.clone()]);
    let connect = |path: &Path| {
        let script = format!(
            "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')",
            path.display()
        );
        python(&project, &cell, &script).0
    };
    assert_eq!(connect(&socket), OK);
    listener.accept().unwrap();
    assert_ne!(connect(&other), OK);
}

/// The listener inside belongs to the engine: nobody outside of the Cell can come in through it.
#[test]
fn a_forward_is_not_reached_from_outside() {
    let project = Project::new(&[]);
    let (_cell, _) = observed(&project, vec![host("db.example.com", 5999, false)]);
    TcpStream::connect("127.64.1.1:5999").unwrap_err();
}
