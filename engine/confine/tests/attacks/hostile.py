# Makes attempts, each in a process of its own, and tells how each ended. What an attempt sees: what `host.py` told, the paths of
# the arena, `SYS` with the numbers of system calls, and the functions below.
import ctypes, errno, fcntl, json, mmap, os, resource, select, signal, socket, stat, struct, subprocess, sys, time, traceback
from types import SimpleNamespace

SECRET = b'TIDEGATE-SECRET'
SECONDS = 5
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.shmat.restype = ctypes.c_void_p


class Stopped(Exception):
    """What was seen instead of a success."""


class NotAttempted(Exception):
    """Something was missing."""


def fail():
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def call(number, *arguments):
    plain = [ctypes.c_long(a) if isinstance(a, int) else a.encode() if isinstance(a, str) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *plain)
    return result if result != -1 else fail()


def reach(errors, number, *arguments):
    """Where the kernel's own checks answer, nothing has stopped the call: its effect is not wanted."""
    try:
        return call(number, *arguments)
    except OSError as error:
        if error.errno in errors:
            return 'reached the kernel: ' + errno.errorcode[error.errno]
        raise


def secret_in(data):
    if SECRET not in data:
        raise Stopped('%d other bytes' % len(data))
    return 'the secret'


def reads(path):
    with open(path, 'rb') as file:
        return secret_in(file.read(1 << 16))


def says(address, port):
    with socket.create_connection((address, port), 2) as client:
        return client.recv(100)


def secret_at(port, *addresses):
    """What listens at a port of any of these."""
    seen = []
    for address in addresses:
        try:
            return secret_in(says(address, port))
        except (OSError, Stopped) as error:
            seen.append(str(error))
    raise Stopped(', '.join(seen))


def ask(server, labels):
    """The address of a name; its labels may hold anything."""
    name = b''.join(bytes([len(label)]) + label for label in labels) + b'\0'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(server)
        client.send(struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + name + struct.pack('>2H', 1, 1))
        reply = client.recv(1000)
    if not reply[7]: raise Stopped('answer %d' % (reply[3] & 15))
    return socket.inet_ntoa(reply[-4:])


def secret_named(port, resolver_port, *names):
    """What listens where a Cell's name server leads; without a Cell it is the host's."""
    seen = []
    for labels in names:
        try:
            try: address = ask(('127.64.0.53', 53), labels)
            except OSError: address = ask(('127.0.0.1', resolver_port), labels)
            return secret_in(says(address, port))
        except (OSError, Stopped) as error:
            seen.append(str(error))
    raise Stopped(', '.join(seen))


def opens(path, flags):
    """Opening proves the reach; nothing is written."""
    os.close(os.open(path, flags))
    return 'opened'


def child(body):
    """In a process that is killed afterwards."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def attempt(code, values):
    try:
        scope = dict(globals(), **values)
        exec('def body():\n' + '\n'.join('    ' + line for line in code.splitlines()), scope)
        return ['breached', str(scope['body']())]
    except Stopped as stopped:
        return ['stopped', str(stopped)]
    except OSError as error:
        return ['stopped', errno.errorcode.get(error.errno, str(error))]
    except NotAttempted as missing:
        return ['not attempted', str(missing)]
    except BaseException:
        return ['not attempted', traceback.format_exc()]


def outcome(code, values):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        signal.alarm(SECONDS)
        os.write(writer, json.dumps(attempt(code, values)).encode()[:60000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, 'rb') as answer:
        said = answer.read()
    _, status = os.waitpid(pid, 0)
    if said:
        return json.loads(said)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
        return ['stopped', 'SIGSYS']
    return ['not attempted', 'ended with status %d' % status]


def main():
    with open(sys.argv[1]) as file:
        order = json.load(file)
    values = dict(order['values'], parent=os.getppid(), SYS=SimpleNamespace(**order['numbers']))
    for name, code in order['attacks']:
        print(json.dumps([name, *outcome(code, values)]), flush=True)


main()
