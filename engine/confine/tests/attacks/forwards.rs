//! Ways from a destination that is granted to one that is not. What is reached says so: `SECRET`, where a granted one says
//! something else.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tidegate_confine::Destination;

use crate::arena::Place;
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::{Forwards, Gate, Landlock, Limits, NetNs, PidNs, Seccomp, UserNs};

/// For what takes milliseconds, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "another port of the host's loopback",
        &[NetNs],
        "return secret_at(secret_port, '127.0.0.1')",
    ),
    Attack::program(
        "another port of a granted address",
        &[NetNs],
        "return secret_at(secret_port, '127.0.0.2')",
    ),
    Attack::program(
        "another port of a granted name",
        &[NetNs],
        "return secret_at(granted_port, '127.64.1.1')",
    ),
    Attack::program(
        "a granted port of another address",
        &[NetNs],
        "return secret_at(granted_port, '127.0.0.3')",
    ),
    Attack::program(
        "UDP to a granted port",
        &[NetNs],
        "client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         client.settimeout(2)\n\
         client.connect(('127.0.0.1', granted_port))\n\
         client.send(b'x')\n\
         return secret_in(client.recv(100))",
    ),
    Attack::program(
        "the host's own name server",
        &[NetNs],
        "return ask(('127.0.0.1', resolver_port), [b'upload', b'example', b'com'])",
    ),
    Attack::program(
        "the answer to a name that is not granted",
        &[Forwards],
        // Another spelling of 127.0.0.1, which the engine would find.
        "return secret_named(secret_port, resolver_port, [b'0x7f', b'1'])",
    ),
    Attack::program(
        "a granted name that leads to the machine itself",
        &[Forwards],
        "return secret_at(secret_port, 'localhost', '127.64.1.1')",
    ),
    Attack::program(
        "a granted name that is an address in another spelling",
        &[Forwards],
        "return secret_at(secret_port, '127.1', '127.64.1.2')",
    ),
    Attack::program(
        "a granted name that is no host's address",
        &[Forwards],
        "return secret_at(secret_port, '0', '127.64.1.3')",
    ),
    Attack::program(
        "a granted domain itself",
        &[Forwards],
        "return secret_named(secret_port, resolver_port, [b'0177', b'1'], [b'0177.1'])",
    ),
    Attack::program(
        "a name that ends like a granted domain",
        &[Forwards],
        // All of it is a number, and that is 127.0.0.1.
        "return secret_named(secret_port, resolver_port, [b'2130706433'])",
    ),
    Attack::program(
        "an address that ends like a granted domain",
        &[Forwards],
        "return secret_named(secret_port, resolver_port, [b'127', b'0', b'0', b'1'], [b'127', b'0.0', b'1'])",
    ),
    Attack::program(
        "a name below a granted domain that a resolver cuts short",
        &[Forwards],
        "ends = [b'\\0', b' ', b'\\t', b'\\n', b'#', b'%', b'/', b'\\\\', b':', b',', b'\\xff', b'\\0' * 40]\n\
         return secret_named(secret_port, resolver_port, *([b'2130706433' + end, b'33'] for end in ends))",
    ),
    Attack::program(
        "a granted destination as a proxy",
        &[Forwards],
        "secret = b'127.0.0.1:%d' % secret_port\n\
         address = b'\\x7f\\0\\0\\1'\n\
         port = struct.pack('>H', secret_port)\n\
         for asked in [\n\
         \x20   b'CONNECT ' + secret + b' HTTP/1.1\\r\\nHost: ' + secret + b'\\r\\n\\r\\n',\n\
         \x20   b'GET http://' + secret + b'/ HTTP/1.1\\r\\nHost: ' + secret + b'\\r\\n\\r\\n',\n\
         \x20   b'GET / HTTP/1.1\\r\\nHost: ' + secret + b'\\r\\n\\r\\n',\n\
         \x20   b'\\4\\1' + port + address + b'\\0',\n\
         \x20   b'\\5\\1\\0\\5\\1\\0\\1' + address + port,\n\
         \x20   b'PROXY TCP4 127.0.0.1 127.0.0.1 1 %d\\r\\n' % secret_port,\n\
         \x20   b'\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x11\\0\\x0c' + address * 2 + b'\\0\\1' + port,\n\
         ]:\n\
         \x20   with socket.create_connection(('127.0.0.1', granted_port), 2) as client:\n\
         \x20       client.sendall(asked)\n\
         \x20       client.shutdown(socket.SHUT_WR)\n\
         \x20       said = b''.join(iter(lambda: client.recv(4096), b''))\n\
         \x20       if SECRET in said: return 'the secret'\n\
         raise Stopped('it said ' + said.decode())",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program(
        "another host's name in TLS",
        &[Forwards],
        // 127.0.0.3, as every resolver has it: there the secret listens at the same port.
        "import ssl\n\
         incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()\n\
         try: ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname='127.3').do_handshake()\n\
         except ssl.SSLWantReadError: pass\n\
         with socket.create_connection(('127.0.0.1', granted_port), 2) as client:\n\
         \x20   client.sendall(outgoing.read())\n\
         \x20   client.shutdown(socket.SHUT_WR)\n\
         \x20   return secret_in(b''.join(iter(lambda: client.recv(4096), b'')))",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program(
        "listening in a forward's place",
        &[Forwards],
        "thief = socket.socket()\n\
         thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
         thief.bind(('127.0.0.1', granted_port))\n\
         thief.listen()",
    )
    .succeeds_at_degraded(),
    Attack::program(
        "taking a forward's listener",
        &[PidNs, UserNs, Landlock, Seccomp],
        "seen = []\n\
         for pid in host, parent, 1:\n\
         \x20   for number in range(3, 64):\n\
         \x20       try:\n\
         \x20           process = call(SYS.pidfd_open, pid, 0)\n\
         \x20           taken = socket.socket(fileno=call(SYS.pidfd_getfd, process, number, 0))\n\
         \x20           if taken.family == socket.AF_INET and taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):\n\
         \x20               return 'it listens at %s' % (taken.getsockname(),)\n\
         \x20       except OSError as error: seen.append(errno.errorcode[error.errno])\n\
         raise Stopped(', '.join(sorted(set(seen))))",
    ),
    Attack::engine("going on with a forward after the command's end", &[PidNs], outliving),
    Attack::engine("a forward of another Cell", &[NetNs], of_another_cell),
    Attack::engine(
        "a connection that a program of another Cell passes on",
        &[Gate],
        passed_on,
    ),
    // The last one: the engine may need a moment to see that they have gone.
    Attack::program(
        "300 connections at the same time",
        &[Limits],
        "clients = [socket.create_connection(('127.0.0.1', granted_port), 2) for _ in range(300)]\n\
         answered = 0\n\
         for client in clients:\n\
         \x20   try: answered += client.recv(100) == b'granted'\n\
         \x20   except OSError: pass\n\
         if answered < 300: raise Stopped('%d are answered' % answered)",
    )
    .not_swept(),
];

/// What is left of the program says `.` as long as it has not ended, and `!` afterwards.
fn outliving(place: &Place) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = place.beside(|spec| spec.network = vec![Destination::HostLoopback { port }]);
    let script = "import os, socket, sys, time\n\
        main = os.getpid()\n\
        client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n\
        client.sendall(b'.')\n\
        if os.fork() == 0:\n\
        \x20   os.setsid()\n\
        \x20   for number in range(3): os.close(number)\n\
        \x20   for _ in range(500):\n\
        \x20       try: os.kill(main, 0); client.sendall(b'.')\n\
        \x20       except ProcessLookupError: client.sendall(b'!'); break\n\
        \x20       time.sleep(0.01)\n";
    let (_reader, running) = place.start_python(script, &[&port.to_string()]);
    let Some(mut stream) = accept(&listener) else {
        running.kill();
        return Outcome::NotAttempted("it has not connected".to_owned());
    };
    running.wait();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = String::new();
    match stream.read_to_string(&mut said) {
        Ok(_) if said.ends_with('!') => Outcome::Breached("it goes on".to_owned()),
        Ok(_) => Outcome::Stopped("the connection has ended".to_owned()),
        Err(error) => Outcome::Breached(format!("the connection has not ended: {error}")),
    }
}

fn accept(listener: &TcpListener) -> Option<TcpStream> {
    listener.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return Some(stream);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

const SAYS: &str = "import socket, sys\n\
    try: print(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5).recv(100).decode())\n\
    except OSError as error: print(error)\n";

/// One that is granted what this one is not.
fn granted_the_secret(place: &Place) -> Place {
    place.beside(|spec| {
        spec.network = vec![Destination::HostLoopback {
            port: place.arena.port("secret_port"),
        }];
    })
}

fn of_another_cell(place: &Place) -> Outcome {
    let port = place.arena.port("secret_port").to_string();
    let other = granted_the_secret(place);
    let granted = other.python(SAYS, &[&port]);
    if !granted.contains(crate::arena::SECRET) {
        return Outcome::NotAttempted(granted);
    }
    ended(&place.python(SAYS, &[&port]))
}

/// By a socket in a `write` folder of both.
fn passed_on(place: &Place) -> Outcome {
    let port = place.arena.port("secret_port").to_string();
    let other = granted_the_secret(place);
    let pass = "import socket, sys\n\
        server = socket.socket(socket.AF_UNIX)\n\
        server.bind('out/pass.sock'); server.listen()\n\
        secret = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n\
        print('ready', flush=True)\n\
        socket.send_fds(server.accept()[0], [b'x'], [secret.fileno()])\n";
    let take = "import socket\n\
        client = socket.socket(socket.AF_UNIX)\n\
        try:\n\
        \x20   client.connect('out/pass.sock')\n\
        \x20   print(socket.socket(fileno=socket.recv_fds(client, 1, 1)[1][0]).recv(100).decode())\n\
        except OSError as error: print(error)\n";
    let (reader, passing) = other.start_python(pass, &[&port]);
    let mut said = String::new();
    BufReader::new(reader).read_line(&mut said).unwrap();
    let outcome = match said.as_str() {
        "ready\n" => ended(&place.python(take, &[])),
        _ => Outcome::NotAttempted(said),
    };
    passing.kill();
    outcome
}

fn ended(said: &str) -> Outcome {
    if said.contains(crate::arena::SECRET) {
        Outcome::Breached("the secret".to_owned())
    } else {
        Outcome::Stopped(said.trim().to_owned())
    }
}
