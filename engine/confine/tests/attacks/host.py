# The host's side: what hostile programs reach for. Tells what it is on standard output, and ends with its standard input.
import ctypes, json, os, selectors, socket, sys, threading

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
# Where Yama restricts tracing, this process may still be traced: what is tested is the Cell.
libc.prctl(0x59616D61, ctypes.c_ulong(-1 & 0xFFFFFFFFFFFFFFFF), 0, 0, 0)

outside, workspace, numbers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
secret = b'TIDEGATE-SECRET'
memory = ctypes.create_string_buffer(secret)
name = 'tidegate-attack-%d' % os.getpid()


def listener(family, address, kind=socket.SOCK_STREAM):
    server = socket.socket(family, kind)
    server.bind(address)
    if kind == socket.SOCK_STREAM:
        server.listen(64)
    return server


tcp = listener(socket.AF_INET, ('127.0.0.1', 0))
udp = listener(socket.AF_INET, ('127.0.0.1', 0), socket.SOCK_DGRAM)
try:
    tcp6 = listener(socket.AF_INET6, ('::1', 0))
    port6 = tcp6.getsockname()[1]
except OSError:
    port6 = 1
kept = [
    listener(socket.AF_UNIX, outside + '/stream.sock'),
    listener(socket.AF_UNIX, outside + '/datagram.sock', socket.SOCK_DGRAM),
    listener(socket.AF_UNIX, workspace + '/host.sock'),
    listener(socket.AF_UNIX, workspace + '/out/host.sock'),
    listener(socket.AF_UNIX, '\0' + name),
    listener(socket.AF_UNIX, '\0' + name + '-datagram', socket.SOCK_DGRAM),
]
opened = os.open(outside + '/secret', os.O_RDONLY)


def at_one_port(*places):
    """Servers at one port that is free at all of these addresses."""
    while True:
        made = [socket.socket(socket.AF_INET, kind) for kind, _ in places]
        port = 0
        try:
            for server, (kind, address) in zip(made, places):
                server.bind((address, port))
                port = server.getsockname()[1]
                if kind == socket.SOCK_STREAM:
                    server.listen(512)
            return [port, *made]
        except OSError:
            for server in made: server.close()


def resolve(query):
    """Every name is the machine itself."""
    return query[:2] + b'\x81\x80' + query[4:6] + b'\0\1\0\0\0\0' + query[12:] + b'\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1'


def serve(servers):
    """What each says to a connection, or answers to a datagram. Connections are kept until the other side ends them."""
    selector = selectors.DefaultSelector()
    for server, says in servers.items():
        selector.register(server, selectors.EVENT_READ, says)
    while True:
        for key, _ in selector.select():
            try:
                if key.data is None:
                    if not key.fileobj.recv(4096): raise ConnectionError
                elif key.fileobj.type == socket.SOCK_DGRAM:
                    query, peer = key.fileobj.recvfrom(4096)
                    key.fileobj.sendto(key.data(query), peer)
                else:
                    client, _ = key.fileobj.accept()
                    client.sendall(key.data)
                    selector.register(client, selectors.EVENT_READ, None)
            except OSError:
                if key.data is None:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
granted_port, granted, *beside = at_one_port(
    (STREAM, '127.0.0.1'), (STREAM, '127.0.0.3'), (STREAM, '127.64.1.1'), (DATAGRAM, '127.0.0.1'))
# Whoever is the same user may listen beside it.
granted.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
secret_port, *secrets = at_one_port((STREAM, '127.0.0.1'), (STREAM, '127.0.0.2'))
address_port, at_address = at_one_port((STREAM, '127.0.0.2'))
resolver_port, resolver = at_one_port((DATAGRAM, '127.0.0.1'))
servers = {granted: b'granted', at_address: b'granted', beside.pop(): lambda _: secret, resolver: resolve}
servers.update((server, secret) for server in beside + secrets)
threading.Thread(target=serve, args=[servers], daemon=True).start()

key = 0x71000000 | os.getpid() & 0xFFFFFF
shared = libc.shmget(key, 4096, 0o1600)
ctypes.memmove(libc.shmat(shared, None, 0), secret, len(secret))
queue = libc.msgget(key, 0o1600)
libc.syscall(numbers['mq_open'], name.encode(), os.O_RDWR | os.O_CREAT, 0o600, None)
in_memory = '/dev/shm/' + name
with open(in_memory, 'wb') as file:
    file.write(secret)

told = dict(
    host=os.getpid(), address=ctypes.addressof(memory), descriptor=opened, name=name, key=key, hostname=os.uname().nodename,
    port=tcp.getsockname()[1], udp_port=udp.getsockname()[1], port6=port6, in_memory=in_memory,
    granted_port=granted_port, secret_port=secret_port, address_port=address_port, resolver_port=resolver_port,
)
print(json.dumps(told), flush=True)
sys.stdin.read()
libc.shmctl(shared, 0, None)
libc.msgctl(queue, 0, None)
libc.syscall(numbers['mq_unlink'], name.encode())
os.unlink(in_memory)
