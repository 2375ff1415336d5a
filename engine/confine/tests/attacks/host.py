# The host's side: what hostile programs reach for. Tells what it is on standard output, and ends with its standard input.
import ctypes, json, os, socket, sys

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
)
print(json.dumps(told), flush=True)
sys.stdin.read()
libc.shmctl(shared, 0, None)
libc.msgctl(queue, 0, None)
libc.syscall(numbers['mq_unlink'], name.encode())
os.unlink(in_memory)
