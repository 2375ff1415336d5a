//! Connections at the degraded level, where programs share the host's network.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use tidegate_confine::{Cell, CellSpec, Exit, Level, Redirect};

use crate::machines::{Way, on_machine};
use crate::project::{Project, eventually, run};

const OK: Exit = Exit::Code(0);

fn start(project: &Project, change: impl FnOnce(&mut CellSpec)) -> Cell {
    project.start(|spec| {
        spec.level = Level::Degraded;
        change(spec);
    })
}

fn python(project: &Project, cell: &Cell, script: &str) -> (Exit, String) {
    run(cell, project.command("/usr/bin/python3", &["-c", script]))
}

/// Nobody has connected.
fn untouched(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener
        .accept()
        .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Connects to each address and prints how that went.
fn connect_all(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|address| (address.ip().to_string(), address.port()))
        .collect();
    format!(
        "import socket\n\
        for address in {addresses:?}:\n\
        \x20   try: socket.create_connection(address, 5); print('connected')\n\
        \x20   except OSError as error: print(type(error).__name__)"
    )
}

#[test]
fn the_hosts_own_ports_are_out_of_reach() {
    let listeners = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"].map(|at| TcpListener::bind(at).unwrap());
    let mut addresses = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap())
        .to_vec();
    addresses.push(format!("[::ffff:127.0.0.1]:{}", addresses[0].port()).parse().unwrap());
    let script = connect_all(&addresses);
    for way in Way::BOTH {
        on_machine(way.filter(), || {
            let project = Project::new(&[]);
            let cell = start(&project, |_| {});
            let outside = "192.0.2.1:443".parse().unwrap();
            let script = format!("{script}\n{}", connect_all(&[outside]));
            let mut command = project.command("/usr/bin/python3", &["-c", &script]);
            let (mut reader, writer) = std::io::pipe().unwrap();
            command.stdout = tidegate_confine::Stdio::Fd(writer.into());
            let child = cell.spawn(command).unwrap();
            let mut output = String::new();
            reader.read_to_string(&mut output).unwrap();
            let expected = "ConnectionRefusedError\n".repeat(4) + "PermissionError\n";
            assert_eq!((child.wait(), output), (OK, expected), "{way:?}");
            let mut told: Vec<_> = child
                .refused()
                .into_iter()
                .map(|refused| (refused.to, refused.program))
                .collect();
            told.sort();
            let mut expected: Vec<_> = [
                addresses[0],
                addresses[1],
                SocketAddr::new(addresses[0].ip(), addresses[2].port()),
            ]
            .map(|address| address.to_string())
            .into();
            expected.push(outside.to_string());
            expected.sort();
            assert_eq!(
                told,
                expected
                    .into_iter()
                    .map(|to| (to, "python3".to_owned()))
                    .collect::<Vec<_>>()
            );
        });
    }
    assert!(listeners.iter().all(untouched));
    let project = Project::new(&[]);
    let plain = project.start(|spec| spec.level = Level::Unconfined);
    let (_, output) = python(&project, &plain, &script);
    assert_eq!(output, "connected\n".repeat(4));
}

#[test]
fn programs_reach_what_they_listen_at() {
    let script = "import asyncio, os, socket\n\
        def talk(family, address):\n\
        \x20   server = socket.socket(family); server.bind(address); server.listen()\n\
        \x20   client = socket.socket(family); client.connect(server.getsockname())\n\
        \x20   peer, _ = server.accept(); client.sendall(b'hello'); print(peer.recv(5).decode())\n\
        talk(socket.AF_INET, ('127.0.0.1', 0)); talk(socket.AF_INET6, ('::1', 0))\n\
        talk(socket.AF_UNIX, os.environ['TMPDIR'] + '/socket'); talk(socket.AF_UNIX, '\\0tidegate-own-%d' % os.getpid())\n\
        os.chdir(os.environ['HOME']); talk(socket.AF_UNIX, 'relative')\n\
        async def main():\n\
        \x20   async def answer(reader, writer):\n\
        \x20       writer.write(await reader.read(5)); writer.close()\n\
        \x20   server = await asyncio.start_server(answer, '127.0.0.1', 0)\n\
        \x20   reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n\
        \x20   writer.write(b'async'); print((await reader.read()).decode())\n\
        asyncio.run(main())\n\
        try: socket.create_connection(('127.0.0.1', 1), 5)\n\
        except ConnectionRefusedError: print('nobody')\n";
    for way in Way::BOTH {
        let (result, refused) = on_machine(way.filter(), || {
            let project = Project::new(&[]);
            let cell = start(&project, |_| {});
            let mut command = project.command("/usr/bin/python3", &["-c", script]);
            let (mut reader, writer) = std::io::pipe().unwrap();
            command.stderr = tidegate_confine::Stdio::Fd(writer.try_clone().unwrap().into());
            command.stdout = tidegate_confine::Stdio::Fd(writer.into());
            let child = cell.spawn(command).unwrap();
            let mut output = String::new();
            reader.read_to_string(&mut output).unwrap();
            ((child.wait(), output), child.refused())
        });
        assert_eq!(result, (OK, "hello\n".repeat(5) + "async\nnobody\n"), "{way:?}");
        assert_eq!(refused, [], "{way:?}");
    }
}

/// Nobody else's machine connects to a program.
#[test]
fn programs_listen_at_the_loopback_only() {
    let script = "import socket\n\
        def listen(family, address, only=None):\n\
        \x20   s = socket.socket(family)\n\
        \x20   if only is not None: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)\n\
        \x20   if address: s.bind((address, 0))\n\
        \x20   try: s.listen()\n\
        \x20   except PermissionError: return print('refused')\n\
        \x20   socket.create_connection(('::1' if only else '127.0.0.1', s.getsockname()[1]), 5)\n\
        \x20   print(s.getsockname()[0])\n\
        listen(socket.AF_INET, '0.0.0.0'); listen(socket.AF_INET6, '::', 0); listen(socket.AF_INET6, '::', 1)\n\
        listen(socket.AF_INET, None); listen(socket.AF_INET6, None)\n";
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    let expected = "127.0.0.1\n::ffff:127.0.0.1\n::1\nrefused\nrefused\n".to_owned();
    assert_eq!(python(&project, &cell, script), (OK, expected));
    let plain = project.start(|spec| spec.level = Level::Unconfined);
    let (_, output) = python(&project, &plain, script);
    assert_eq!(output, "0.0.0.0\n::\n::\n0.0.0.0\n::\n");
}

/// What listens in one command is reached from another.
#[test]
fn commands_of_a_cell_reach_each_other() {
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    let serve = "import os, socket\n\
        server = socket.create_server(('127.0.0.1', 0))\n\
        with open(os.environ['HOME'] + '/new', 'w') as port: port.write(str(server.getsockname()[1]))\n\
        os.rename(os.environ['HOME'] + '/new', os.environ['HOME'] + '/port')\n\
        server.accept()[0].sendall(b'served')";
    let server = cell.spawn(project.command("/usr/bin/python3", &["-c", serve])).unwrap();
    let port = project.scratch.path().join("home/port");
    eventually("it listens", || port.exists());
    let client = "import os, socket\n\
        port = int(open(os.environ['HOME'] + '/port').read())\n\
        print(socket.create_connection(('127.0.0.1', port), 5).recv(10).decode())";
    assert_eq!(python(&project, &cell, client), (OK, "served\n".to_owned()));
    assert_eq!(server.wait(), OK);
    // The listener has gone with its command, and another cell never had it.
    let other = Project::new(&[]);
    let other_cell = start(&other, |_| {});
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, output) = python(&other, &other_cell, &connect_all(&[own.local_addr().unwrap()]));
    assert_eq!(output, "ConnectionRefusedError\n");
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    use std::os::linux::net::SocketAddrExt;

    let folder = tempfile::tempdir().unwrap();
    let (path, listed) = (folder.path().join("host"), folder.path().join("listed"));
    let _host = UnixListener::bind(&path).unwrap();
    let _listed = UnixListener::bind(&listed).unwrap();
    let name = format!("tidegate-gate-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    for way in Way::BOTH {
        on_machine(way.filter(), || {
            let project = Project::new(&["out/x"]);
            let in_workspace = UnixListener::bind(project.path("out/host")).unwrap();
            let cell = start(&project, |spec| {
                spec.write = vec!["out".into()];
                spec.for_programs = vec![listed.clone()];
            });
            let script = format!(
                "import os, socket\n\
                home = os.environ['HOME']\n\
                def attempt(name, address):\n\
                \x20   try: socket.socket(socket.AF_UNIX).connect(address); print(name, 'connected')\n\
                \x20   except OSError as error: print(name, error.errno)\n\
                path = {path:?}\n\
                os.symlink(path, home + '/link'); os.symlink(os.path.dirname(path), home + '/folder')\n\
                attempt('path', path); attempt('link', home + '/link'); attempt('through a link', home + '/folder/host')\n\
                attempt('up', '../' * 12 + path[1:])\n\
                attempt('magic', '/proc/self/root' + path)\n\
                attempt('abstract', '\\0{name}')\n\
                attempt('in a write folder', 'out/host')\n\
                for call in (os.rename, os.link):\n\
                \x20   try: call('out/host', home + '/moved'); print('moved')\n\
                \x20   except OSError as error: print(error.errno)\n\
                attempt('missing', '/nowhere'); attempt('listed', {listed:?})\n"
            );
            let (exit, output) = python(&project, &cell, &script);
            let (access, other) = (libc::EACCES, libc::EXDEV);
            let expected = format!(
                "path {access}\nlink {access}\nthrough a link {access}\nup {access}\nmagic {}\nabstract {}\nin a write folder {access}\n\
                {other}\n{other}\nmissing {}\nlisted connected\n",
                libc::ELOOP,
                libc::EPERM,
                libc::ENOENT
            );
            assert_eq!((exit, output), (OK, expected), "{way:?}");
            drop(in_workspace);
        });
    }
}

/// The other kinds of sockets, by which something could be sent past `connect`.
#[test]
fn nothing_is_sent_without_a_connection() {
    let script = "import socket, os\n\
        for family, kind in [('INET', 'DGRAM'), ('INET6', 'DGRAM'), ('UNIX', 'DGRAM'), ('UNIX', 'RAW'), ('INET', 'STREAM'), ('UNIX', 'SEQPACKET')]:\n\
        \x20   try: socket.socket(getattr(socket, 'AF_' + family), getattr(socket, 'SOCK_' + kind)); print(family, kind, 'made')\n\
        \x20   except OSError as error: print(family, kind, error.errno)\n\
        try: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); print('made')\n\
        except OSError as error: print('pair', error.errno)\n\
        try: socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', 1)); print('sent')\n\
        except OSError as error: print('fast open', error.errno)\n";
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    let (refused, local) = (libc::EACCES, libc::EAFNOSUPPORT);
    let expected = format!(
        "INET DGRAM {refused}\nINET6 DGRAM {refused}\nUNIX DGRAM {local}\nUNIX RAW {refused}\nINET STREAM made\nUNIX SEQPACKET made\n\
        pair {local}\nfast open {}\n",
        libc::EPERM
    );
    assert_eq!(python(&project, &cell, script), (OK, expected));
    let plain = project.start(|spec| spec.level = Level::Unconfined);
    let (_, output) = python(&project, &plain, script);
    assert!(
        output.contains("INET DGRAM made\nINET6 DGRAM made\nUNIX DGRAM made\nUNIX RAW made"),
        "{output}"
    );
}

/// The address lies in the program's memory, and another thread of it can change it at any time.
#[test]
fn an_address_that_changes_meanwhile_leads_nowhere() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let script = format!(
        "import ctypes, socket, struct, threading\n\
        libc = ctypes.CDLL(None)\n\
        own = socket.create_server(('127.0.0.1', 0), backlog=1000)\n\
        address = ctypes.create_string_buffer(struct.pack('=HHI8x', 2, socket.htons(own.getsockname()[1]), socket.htonl(0x7f000001)), 16)\n\
        good, bad = struct.pack('!H', own.getsockname()[1]), struct.pack('!H', {port})\n\
        over = False\n\
        def change():\n\
        \x20   while not over:\n\
        \x20       ctypes.memmove(ctypes.byref(address, 2), bad, 2); ctypes.memmove(ctypes.byref(address, 2), good, 2)\n\
        thread = threading.Thread(target=change); thread.start()\n\
        results = []\n\
        for _ in range(300):\n\
        \x20   s = socket.socket(); results.append(libc.connect(s.fileno(), address, 16)); s.close()\n\
        over = True; thread.join(); print(0 in results, -1 in results)"
    );
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    assert_eq!(python(&project, &cell, &script), (OK, "True True\n".to_owned()));
    assert!(untouched(&host));
}

/// Serves every connection with what it sent, and returns the peers.
fn echo(listener: TcpListener, connections: usize) -> std::thread::JoinHandle<Vec<SocketAddr>> {
    std::thread::spawn(move || {
        let serve = |_| {
            let (mut stream, peer) = listener.accept().unwrap();
            let mut got = [0; 5];
            stream.read_exact(&mut got).unwrap();
            stream.write_all(&got).unwrap();
            peer
        };
        (0..connections).map(serve).collect()
    })
}

#[test]
fn redirects_lead_to_the_engine_which_knows_the_peer() {
    let script = "import asyncio, os, socket\n\
        def talk(s, address):\n\
        \x20   s.connect(address); s.sendall(b'plain'); print(s.recv(5).decode(), os.get_blocking(s.fileno()))\n\
        talk(socket.socket(), ('127.64.0.2', 443))\n\
        s = socket.socket(socket.AF_INET6); s.settimeout(5); talk(s, ('::ffff:127.64.0.2', 443))\n\
        async def main():\n\
        \x20   reader, writer = await asyncio.open_connection('127.64.0.2', 443)\n\
        \x20   writer.write(b'async'); print((await reader.read()).decode())\n\
        asyncio.run(main())\n\
        try: socket.create_connection(('127.64.0.2', 444), 5)\n\
        except ConnectionRefusedError: print('refused')\n";
    for way in Way::BOTH {
        on_machine(way.filter(), || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let to = listener.local_addr().unwrap();
            let from = "127.64.0.2:443".parse().unwrap();
            let engine = echo(listener, 3);
            let project = Project::new(&[]);
            let cell = start(&project, |spec| spec.redirects = vec![Redirect { from, bits: 32, to }]);
            let mut command = project.command("/usr/bin/python3", &["-c", script]);
            let (mut reader, writer) = std::io::pipe().unwrap();
            command.stderr = tidegate_confine::Stdio::Fd(writer.try_clone().unwrap().into());
            command.stdout = tidegate_confine::Stdio::Fd(writer.into());
            let child = cell.spawn(command).unwrap();
            let mut output = String::new();
            reader.read_to_string(&mut output).unwrap();
            assert_eq!(
                (child.wait(), output.as_str()),
                (OK, "plain True\nplain False\nasync\nrefused\n"),
                "{way:?}"
            );
            let told = child.take_forwarded();
            assert!(told.iter().all(|forwarded| forwarded.to == from));
            let told: Vec<_> = told.iter().map(|forwarded| forwarded.peer).collect();
            assert_eq!(told, engine.join().unwrap());
            assert_eq!(child.take_forwarded(), []);
        });
    }
}

#[test]
fn curl_goes_through_a_redirect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let redirect = Redirect {
        bits: 32,
        from: "127.64.0.3:80".parse().unwrap(),
        to: listener.local_addr().unwrap(),
    };
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
            .unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let project = Project::new(&[]);
    let cell = start(&project, |spec| spec.redirects = vec![redirect]);
    let arguments = ["--silent", "--max-time", "10", "http://127.64.0.3/path"];
    let result = run(&cell, project.command("/usr/bin/curl", &arguments));
    assert_eq!(result, (OK, "done".to_owned()));
    assert!(
        served
            .join()
            .unwrap()
            .starts_with("GET /path HTTP/1.1\r\nHost: 127.64.0.3")
    );
}

/// Names are asked for over TCP, which a redirect can lead to whoever knows the granted ones.
#[test]
fn names_are_resolved_through_a_redirect() {
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let server = resolver
        .lines()
        .find_map(|line| line.strip_prefix("nameserver")?.trim().parse().ok())
        .unwrap_or(std::net::IpAddr::from([127, 0, 0, 1]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let redirect = Redirect {
        bits: 32,
        from: SocketAddr::new(server, 53),
        to: listener.local_addr().unwrap(),
    };
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            while let Some(answer) = answer_one(&mut stream) {
                stream.write_all(&answer).unwrap();
            }
        }
    });
    let project = Project::new(&[]);
    let cell = start(&project, |spec| spec.redirects = vec![redirect]);
    let script =
        "import socket\nprint(socket.getaddrinfo('db.example.com', 5432, socket.AF_INET, socket.SOCK_STREAM)[0][4])";
    let mut command = project.command("/usr/bin/python3", &["-c", script]);
    command.env = CellSpec {
        level: Level::Degraded,
        ..project.spec()
    }
    .identity()
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    assert_eq!(run(&cell, command), (OK, "('127.64.0.9', 5432)\n".to_owned()));
}

/// One question over TCP, answered with 127.64.0.9.
fn answer_one(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut question = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut question).ok()?;
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0)? + 5;
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    answer.extend(&question[12..name_end]);
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 64, 0, 9]);
    let length = u16::try_from(answer.len()).ok()?.to_be_bytes();
    Some([&length, &answer[..]].concat())
}

/// A connection that takes its time holds up neither other ones nor the end.
#[test]
fn a_connection_that_waits_holds_nothing_up() {
    let script = "import os, socket, threading, time\n\
        path = os.environ['HOME'] + '/full'\n\
        full = socket.socket(socket.AF_UNIX); full.bind(path); full.listen(0)\n\
        first = socket.socket(socket.AF_UNIX); first.connect(path)\n\
        second = socket.socket(socket.AF_UNIX); states = []\n\
        thread = threading.Thread(target=lambda: (second.connect(path), states.append('second')), daemon=True); thread.start()\n\
        time.sleep(0.2)\n\
        server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname()).close(); states.append('other')\n\
        third = socket.socket(socket.AF_UNIX); third.setblocking(False)\n\
        try: third.connect(path)\n\
        except BlockingIOError: states.append('third')\n\
        full.accept(); thread.join(5); print(states, flush=True)\n\
        stuck = socket.socket(socket.AF_UNIX)\n\
        threading.Thread(target=lambda: stuck.connect(path), daemon=True).start(); time.sleep(0.1)\n\
        os._exit(3)";
    for way in Way::BOTH {
        on_machine(way.filter(), || {
            let project = Project::new(&[]);
            let cell = start(&project, |_| {});
            let result = python(&project, &cell, script);
            assert_eq!(
                result,
                (Exit::Code(3), "['other', 'third', 'second']\n".to_owned()),
                "{way:?}"
            );
        });
    }
}

/// The engine is told of the first ones, and no flood stops the command.
#[test]
fn a_flood_of_refused_connections_is_told_in_part() {
    let script = "import socket\n\
        for port in range(1000, 1200):\n\
        \x20   for _ in range(2):\n\
        \x20       try: socket.create_connection(('192.0.2.1', port), 1)\n\
        \x20       except PermissionError: pass";
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    let child = cell
        .spawn(project.command("/usr/bin/python3", &["-c", script]))
        .unwrap();
    assert_eq!(child.wait(), OK);
    let refused = child.refused();
    assert_eq!(refused.len(), 64);
    assert_eq!(refused[63].to, "192.0.2.1:1063");
}

#[test]
fn folders_with_something_hidden_are_listed_and_what_is_hidden_is_not() {
    let project = Project::new(&[".git/config", ".env", "lib/.env", "lib/module.py", "free/x"]);
    std::fs::write(project.path("lib/module.py"), "").unwrap();
    project.link(".git", "link");
    project.link("lib", "to-lib");
    let cell = start(&project, |_| {});
    let listed = project.shell(&cell, "ls -A . lib to-lib/ free; cd lib; ls ..");
    let expected = ".:\n.env\n.git\nfree\nlib\nlink\nto-lib\n\nfree:\nx\n\nlib:\n.env\nmodule.py\n\nto-lib/:\n.env\nmodule.py\nfree\nlib\nlink\nto-lib\n";
    assert_eq!(listed, (OK, expected.to_owned()));
    for hidden in [
        "ls .git",
        "ls link/",
        "cd .git && ls",
        "cd lib && ls ../.git",
        "ls /proc/self/cwd/.git",
    ] {
        assert_ne!(project.shell(&cell, hidden).0, OK, "{hidden}");
    }
    let script = "import os, lib.module\n\
        folder = os.open('.', os.O_RDONLY | os.O_DIRECTORY)\n\
        print(os.get_inheritable(folder), sorted(os.listdir(folder))[:2])\n\
        for name in ('.git', '.env', '.git/config'):\n\
        \x20   try: os.open(name, os.O_RDONLY, dir_fd=folder); print('opened')\n\
        \x20   except PermissionError: print('refused')\n";
    let expected = "False ['.env', '.git']\nrefused\nrefused\nrefused\n".to_owned();
    assert_eq!(python(&project, &cell, script), (OK, expected));
}

/// A program in a cell has no way to the listener, and none of its own.
#[test]
fn no_program_keeps_the_gate_itself() {
    let script = "import ctypes, struct\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        steps = struct.pack('=HBBI', 6, 0, 0, 0x7fc00000)\n\
        buffer = ctypes.create_string_buffer(steps)\n\
        program = struct.pack('@HP', 1, ctypes.addressof(buffer))\n\
        print(libc.syscall(317, 1, 8, ctypes.create_string_buffer(program)), ctypes.get_errno())";
    let project = Project::new(&[]);
    let cell = start(&project, |_| {});
    let (_, output) = python(&project, &cell, script);
    if cfg!(target_arch = "x86_64") {
        assert_eq!(output, format!("-1 {}\n", libc::EBUSY));
    }
}

/// A socket that is made blocking again just before the gate's own call, so that the call waits.
const HOLD_THE_GATE: &str = "import fcntl, os, signal, socket, sys, time\n\
    path = os.environ['TMPDIR'] + '/full-%d' % time.monotonic_ns()\n\
    server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(0)\n\
    first = socket.socket(socket.AF_UNIX); first.connect(path)\n\
    own = socket.create_server(('127.0.0.1', 0))\n\
    caller = socket.socket(socket.AF_UNIX)\n\
    def child(action):\n\
    \x20   pid = os.fork()\n\
    \x20   if pid: return pid\n\
    \x20   signal.signal(signal.SIGTERM, signal.SIG_DFL)\n\
    \x20   action(); os._exit(0)\n\
    def toggle():\n\
    \x20   descriptor, set_flags, change = caller.fileno(), fcntl.F_SETFL, fcntl.fcntl\n\
    \x20   while True: change(descriptor, set_flags, 0)\n\
    def is_held():\n\
    \x20   probe = child(lambda: socket.create_connection(own.getsockname()).close())\n\
    \x20   deadline = time.monotonic() + 1\n\
    \x20   while time.monotonic() < deadline:\n\
    \x20       if os.waitpid(probe, os.WNOHANG)[0]: return False\n\
    \x20       time.sleep(0.001)\n\
    \x20   return True\n\
    signal.signal(signal.SIGTERM, lambda *_: (print('asked'), sys.exit(7)))\n\
    toggling = child(toggle)\n\
    for attempt in range(2000):\n\
    \x20   calling = child(lambda: caller.connect(path))\n\
    \x20   time.sleep(0.002)\n\
    \x20   os.kill(calling, signal.SIGKILL); os.waitpid(calling, 0)\n\
    \x20   if is_held() and is_held(): break\n\
    else: sys.exit('it was never held')\n\
    os.kill(toggling, signal.SIGKILL)\n\
    print('held', flush=True)\n\
    time.sleep(100)\n";

/// Everything but the program's own connections goes on: it is asked to end, its end is told, and others connect.
#[test]
fn a_gate_that_is_held_up_holds_up_nothing_else() {
    for level in [Level::Full, Level::Degraded] {
        let project = Project::new(&[]);
        let cell = project.start(|spec| spec.level = level);
        let hold = || {
            let mut command = project.command("/usr/bin/python3", &["-c", HOLD_THE_GATE]);
            let (reader, writer) = std::io::pipe().unwrap();
            command.stderr = tidegate_confine::Stdio::Fd(writer.try_clone().unwrap().into());
            command.stdout = tidegate_confine::Stdio::Fd(writer.into());
            let child = cell.spawn(command).unwrap();
            let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
            assert_eq!(lines.next().as_deref(), Some("held"), "{level:?}");
            (child, lines)
        };
        let (child, mut lines) = hold();
        let served = python(
            &project,
            &cell,
            "import socket\n\
            server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname()); print('connected')",
        );
        assert_eq!(served, (OK, "connected\n".to_owned()), "{level:?}");
        child.terminate(libc::SIGTERM);
        assert_eq!(
            (lines.next().as_deref(), child.wait()),
            (Some("asked"), Exit::Code(7)),
            "{level:?}"
        );
        let (child, _lines) = hold();
        let start = std::time::Instant::now();
        drop(cell);
        assert!(child.try_wait().is_some());
        assert!(start.elapsed().as_secs() < 5, "{level:?}");
    }
}
