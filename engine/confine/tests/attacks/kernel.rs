//! Large parts of the kernel that no build, test or deployment needs.

use crate::attack::Attack;
use crate::wall::Wall::{Capabilities, Seccomp, UserNs};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "io_uring",
        &[Seccomp],
        "return call(SYS.io_uring_setup, 1, ctypes.create_string_buffer(120))",
    )
    .needs("io_uring"),
    Attack::program("the user's keyring", &[Seccomp], "return call(SYS.keyctl, 0, -4, 1)").needs("keyrings"),
    Attack::program(
        "adding a key",
        &[Seccomp],
        "return call(SYS.add_key, b'user', b'tidegate', b'x', 1, -1)",
    )
    .needs("keyrings"),
    Attack::program(
        "bpf",
        &[Seccomp, UserNs],
        "return call(SYS.bpf, 0, struct.pack('5I', 2, 4, 4, 1, 0) + bytes(100), 120)",
    )
    .root_only()
    .needs("bpf"),
    Attack::program(
        "measuring (perf)",
        &[Seccomp],
        // A software clock of this process, without the kernel's part.
        "attributes = struct.pack('IIQQQQQ', 1, 112, 1, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(64)\n\
         return call(SYS.perf_event_open, attributes, 0, -1, -1, 0)",
    )
    .needs("perf for everybody"),
    Attack::program("userfaultfd", &[Seccomp], "return call(SYS.userfaultfd, 1)").needs("userfaultfd"),
    Attack::program("fanotify", &[Seccomp], "return call(SYS.fanotify_init, 0x200, 0)").needs("fanotify"),
    Attack::program(
        "another personality",
        &[Seccomp],
        "return call(SYS.personality, 0x0040000)",
    ),
    Attack::program(
        "running a file that is only in memory",
        &[Seccomp],
        "memory = call(SYS.memfd_create, b'x', 0)\n\
         os.write(memory, open('/bin/true', 'rb').read())\n\
         return subprocess.check_call(['/proc/self/fd/%d' % memory], pass_fds=[memory])",
    ),
    Attack::program(
        "memory that the kernel can't see",
        &[Seccomp],
        "return call(SYS.memfd_secret, 0)",
    )
    .needs("memfd_secret"),
    #[cfg(target_arch = "x86_64")]
    Attack::program(
        "a call of the 32-bit kind (int 0x80)",
        &[Seccomp],
        "code = mmap.mmap(-1, 4096, prot=7)\n\
         code.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n\
         getpid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))\n\
         if (got := getpid()) != os.getpid(): raise Stopped('got %d' % got)",
    )
    .needs("32-bit calls"),
    #[cfg(target_arch = "x86_64")]
    Attack::program("a call of the x32 kind", &[Seccomp], "return call(0x40000000 | 39)").needs("x32"),
    Attack::program("a call that nobody knows", &[Seccomp], "return call(5000)").needs("such a call"),
    Attack::program(
        "typing into the terminal",
        &[Seccomp],
        "try: fcntl.ioctl(0, 0x5412, b'x')\n\
         except OSError as error:\n\
         \x20   if error.errno != errno.ENOTTY: raise",
    ),
    Attack::program(
        "typing into the terminal, upper half set",
        &[Seccomp],
        "import platform\n\
         number = {'x86_64': 16, 'aarch64': 29}[platform.machine()]\n\
         return reach([errno.ENOTTY], number, 0, 0x100005412, b'x')",
    ),
    Attack::program(
        "pasting into the console",
        &[Seccomp],
        "try: fcntl.ioctl(0, 0x541c, b'x')\n\
         except OSError as error:\n\
         \x20   if error.errno != errno.ENOTTY: raise",
    ),
    Attack::program(
        "the kernel's log by its call",
        &[Seccomp, UserNs],
        "return call(SYS.syslog, 3, ctypes.create_string_buffer(100), 100)",
    )
    .root_only()
    .needs("the log"),
    Attack::program(
        "loading a module",
        &[Seccomp, UserNs],
        "call(SYS.finit_module, -1, b'', 0)",
    )
    .never_unconfined(),
    Attack::program(
        "restarting the machine",
        &[Seccomp, Capabilities],
        // The second number is wrong: with the right to do it, it would be EINVAL.
        "return reach([errno.EINVAL], SYS.reboot, 0xfee1dead, 1, 0, 0)",
    )
    .never_unconfined(),
    Attack::program("swapping off", &[Seccomp, UserNs], "call(SYS.swapoff, b'/nowhere')").never_unconfined(),
];
