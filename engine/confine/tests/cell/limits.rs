//! Programs that take too much: bombs of a size that harms nobody when a limit fails.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command as HostCommand, Output};

use tidegate_confine::{Cell, CellSpec, Exit, Ids, Level, Limit, Precision, ProgramLimits};

use crate::project::{HELPER, Project, eventually, helpers, is_running, marker, run};

const MIB: u64 = 1 << 20;
/// Leaves room for a Python interpreter, and is filled in a moment.
const MEMORY: u64 = 200 * MIB;
const PROCESSES: u32 = 50;

/// Fails the test instead of filling the machine.
const BACKSTOP: &str = "import ctypes, mmap, os, signal, sys, threading, time\nsignal.alarm(20)\n";

fn limited(project: &Project, level: Level) -> Cell {
    project.start(|spec| {
        spec.level = level;
        spec.limits = ProgramLimits {
            memory: Some(MEMORY),
            processes: Some(PROCESSES),
        };
    })
}

fn python(project: &Project, cell: &Cell, script: &str) -> (Exit, String) {
    run(
        cell,
        project.command("/usr/bin/python3", &["-c", &format!("{BACKSTOP}{script}")]),
    )
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

const OVER_MEMORY: Exit = Exit::OverLimit(Limit::Memory(MEMORY));

/// Each takes 400 MiB in another way and keeps it.
const MEMORY_BOMBS: [(&str, &str); 8] = [
    (
        "many processes",
        "for i in range(10):\n if os.fork() == 0:\n  x = bytearray(b'x') * (40 << 20)\n  time.sleep(100)\ntime.sleep(100)",
    ),
    (
        "anonymous memory that is shared",
        "m = mmap.mmap(-1, 400 << 20)\nfor i in range(0, 400 << 20, 4096): m[i] = 1\ntime.sleep(100)",
    ),
    (
        "a file in /dev/shm",
        "f = open('/dev/shm/x', 'wb')\nfor i in range(400): f.write(bytes(1 << 20))\nf.flush(); time.sleep(100)",
    ),
    (
        "a file in /tmp that has no name",
        "f = open('/tmp/x', 'wb'); os.unlink('/tmp/x')\nfor i in range(400): f.write(bytes(1 << 20))\nf.flush(); time.sleep(100)",
    ),
    (
        "files in the overlay",
        "for i in range(400): open(f'x{i}', 'wb').write(bytes(1 << 20))\ntime.sleep(100)",
    ),
    (
        "System V memory that nobody has attached",
        "libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p\nfor i in range(10):\n \
         at = libc.shmat(libc.shmget(0, ctypes.c_size_t(40 << 20), 0o600), None, 0)\n \
         ctypes.memset(at, 1, 40 << 20); libc.shmdt(ctypes.c_void_p(at))\ntime.sleep(100)",
    ),
    (
        "semaphores",
        "libc = ctypes.CDLL(None)\nfor i in range(200): assert libc.semget(0, 32000, 0o600) >= 0\ntime.sleep(100)",
    ),
    (
        "page tables of memory that was only read",
        "libc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p; size = 200 << 30\n\
         at = libc.mmap(None, ctypes.c_size_t(size), 1, 0x22, -1, ctypes.c_long(0)); libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), 15)\n\
         for i in range(0, size, 2 << 20): ctypes.string_at(at + i, 1)\ntime.sleep(100)",
    ),
];

#[test]
fn memory_counts_wherever_it_lies() {
    for (name, script) in MEMORY_BOMBS {
        let project = Project::new(&[]);
        let cell = limited(&project, Level::Full);
        assert_eq!(python(&project, &cell, script), (OVER_MEMORY, String::new()), "{name}");
    }
}

#[test]
fn one_process_gets_no_more_than_the_limit() {
    let project = Project::new(&[]);
    let cell = limited(&project, Level::Full);
    let script = "try: x = bytearray(b'x') * (300 << 20)\nexcept MemoryError: print('refused')";
    assert_eq!(python(&project, &cell, script), (Exit::Code(0), "refused\n".to_owned()));
}

/// Each is twice or more of the limit when shared memory counts for everybody who has it.
const JUST_BELOW: [(&str, &str); 7] = [
    (
        "memory of its own",
        "x = bytearray(b'x') * (150 << 20)\ntime.sleep(0.5)",
    ),
    (
        "copies of a process",
        "x = bytearray(b'x') * (120 << 20)\nfor i in range(10):\n if os.fork() == 0: time.sleep(0.5); os._exit(0)\nfor i in range(10): os.wait()",
    ),
    (
        // Whoever is looked at next has a larger part of it. Pages are huge ones, so that all of them are there when the first one ends.
        "copies of a process that end one after the other, again and again",
        "x = mmap.mmap(-1, 150 << 20, mmap.MAP_PRIVATE)\nx.madvise(14)\n\
         for i in range(0, 150 << 20, 4096): x[i] = 1\nend = time.time() + 3\n\
         while time.time() < end:\n for i in range(30):\n  if os.fork() == 0: time.sleep(0.001 * (i + 1)); os._exit(0)\n for i in range(30): os.wait()",
    ),
    (
        // Some are looked at while they still have their parent's memory, and execute something right then.
        "one program after the other",
        "x = bytearray(b'x') * (150 << 20)\nend = time.time() + 3\nwhile time.time() < end:\n \
         for child in [os.posix_spawn('/bin/true', ['true'], {}) for i in range(8)]: os.waitpid(child, 0)",
    ),
    (
        "a file in /tmp that is mapped for itself, as programs and libraries are",
        "f = open('/tmp/x', 'w+b'); f.write(bytes(120 << 20)); f.flush()\nm = mmap.mmap(f.fileno(), 120 << 20, mmap.MAP_PRIVATE, mmap.PROT_READ)\n\
         for i in range(0, 120 << 20, 4096): m[i]\ntime.sleep(0.5)",
    ),
    (
        "a file in /dev/shm that several have mapped",
        "f = open('/dev/shm/x', 'w+b'); f.truncate(120 << 20); m = mmap.mmap(f.fileno(), 120 << 20)\n\
         for i in range(0, 120 << 20, 4096): m[i] = 1\nfor i in range(3):\n if os.fork() == 0:\n  for i in range(0, 120 << 20, 4096): m[i]\n  time.sleep(0.5); os._exit(0)\nfor i in range(3): os.wait()",
    ),
    (
        // The child opens a pipe before it executes the program, and until then has all of its parent's memory.
        "a child that is about to execute a program",
        "x = bytearray(b'x') * (150 << 20)\nos.mkfifo('/tmp/pipe')\nif os.fork() == 0: time.sleep(0.5); open('/tmp/pipe', 'w').close(); os._exit(0)\n\
         os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 9, '/tmp/pipe', os.O_RDONLY, 0)])\nos.wait(); os.wait()",
    ),
];

#[test]
fn programs_that_stay_below_run_to_their_end() {
    for (name, script) in JUST_BELOW {
        let project = Project::new(&[]);
        let cell = limited(&project, Level::Full);
        let script = format!("{script}\nprint('done')");
        assert_eq!(
            python(&project, &cell, &script),
            (Exit::Code(0), "done\n".to_owned()),
            "{name}"
        );
    }
}

#[test]
fn all_programs_of_the_cell_end_and_later_ones_find_room() {
    let project = Project::new(&[]);
    let (marker, cell) = (marker(), limited(&project, Level::Full));
    let other = cell.spawn(project.command("/bin/sleep", &[&marker])).unwrap();
    let (_, many_processes) = MEMORY_BOMBS[0];
    assert_eq!(python(&project, &cell, many_processes).0, OVER_MEMORY);
    assert_eq!(other.wait(), OVER_MEMORY);
    assert!(!is_running(&marker));
    assert_eq!(project.shell(&cell, "echo room"), (Exit::Code(0), "room\n".to_owned()));
}

#[test]
fn what_an_earlier_program_left_in_memory_counts_for_later_ones() {
    let project = Project::new(&[]);
    let cell = limited(&project, Level::Full);
    let fill = "dd if=/dev/zero of=/tmp/x bs=1M count=400 2>/dev/null; sleep 100";
    assert_eq!(project.shell(&cell, fill).0, OVER_MEMORY);
    assert_eq!(project.shell(&cell, "sleep 100").0, OVER_MEMORY);
}

const FORKS: &str = "\
n = 1
try:
    while n < 1000:
        if os.fork() == 0: time.sleep(100)
        n += 1
except BlockingIOError: pass
print(n, flush=True)
time.sleep(1)
";

const THREADS: &str = "\
threading.stack_size(65536)
n = 1
try:
    while n < 1000:
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        n += 1
except RuntimeError: pass
print(n, flush=True)
time.sleep(1)
os._exit(0)
";

#[test]
fn processes_and_threads_are_counted_together() {
    for script in [FORKS, THREADS] {
        let project = Project::new(&[]);
        let cell = limited(&project, Level::Full);
        let (exit, output) = python(&project, &cell, script);
        match cell.limits().processes.precision {
            Precision::Exact => assert_eq!((exit, output), (Exit::Code(0), format!("{PROCESSES}\n"))),
            Precision::Approximate => assert_eq!(exit, Exit::OverLimit(Limit::Processes(PROCESSES.into()))),
        }
    }
}

#[test]
fn commands_of_one_cell_share_its_processes() {
    let project = Project::new(&[]);
    let cell = limited(&project, Level::Full);
    let half = "for i in range(30):\n if os.fork() == 0: time.sleep(100)\ntime.sleep(100)";
    let start = || {
        cell.spawn(project.command("/usr/bin/python3", &["-c", &format!("{BACKSTOP}{half}")]))
            .unwrap()
    };
    let (one, two) = (start(), start());
    match cell.limits().processes.precision {
        Precision::Exact => {
            eventually("one of them gets none", || {
                [&one, &two]
                    .into_iter()
                    .any(|child| child.try_wait() == Some(Exit::Code(1)))
            });
        }
        Precision::Approximate => {
            let over = Exit::OverLimit(Limit::Processes(PROCESSES.into()));
            assert_eq!((one.wait(), two.wait()), (over, over));
        }
    }
}

#[test]
fn without_namespaces_trees_are_watched() {
    let project = Project::new(&[]);
    let cell = limited(&project, Level::Unconfined);
    let marker = marker();
    let other = cell.spawn(project.command("/bin/sleep", &[&marker])).unwrap();
    let (_, many_processes) = MEMORY_BOMBS[0];
    assert_eq!(python(&project, &cell, many_processes).0, OVER_MEMORY);
    assert_eq!(other.wait(), OVER_MEMORY);
    assert!(!is_running(&marker));
    assert_eq!(
        python(&project, &cell, FORKS).0,
        Exit::OverLimit(Limit::Processes(PROCESSES.into()))
    );
    assert_eq!(project.shell(&cell, "echo room"), (Exit::Code(0), "room\n".to_owned()));
}

#[test]
fn a_cell_tells_what_it_holds_its_programs_to() {
    let project = Project::new(&[]);
    let held = project.start(|_| {}).limits();
    let machine = fs::read_to_string("/proc/meminfo").unwrap();
    let machine: u64 = machine.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(
        held.memory.most > 0 && held.memory.most <= machine * 1024 / 10 * 8,
        "{held:?}"
    );
    assert_eq!(held.processes.most, 4_096);
    let cell = limited(&project, Level::Full);
    let held = cell.limits();
    assert_eq!((held.memory.most, held.processes.most), (MEMORY, PROCESSES.into()));
    let by_kernel = match cell.ids() {
        Ids::Root { .. } => Precision::Approximate,
        Ids::Own(_) | Ids::Engine => Precision::Exact,
    };
    assert_eq!(held.processes.precision, by_kernel);
    let held = limited(&project, Level::Unconfined).limits();
    assert_eq!(held.processes.precision, Precision::Approximate);
}

#[test]
fn the_kernels_own_limits() {
    let project = Project::new(&[]);
    let cell = limited(&project, Level::Full);
    let script = "import resource as r\nfor name in 'CORE', 'NPROC', 'DATA': print(name, *r.getrlimit(getattr(r, 'RLIMIT_' + name)))\n\
                  for number, most in (7, 65536), (8, 8 << 20), (11, 16384), (12, 819200): assert 0 < r.getrlimit(number)[1] <= most, number\n\
                  print(open('/proc/self/oom_score_adj').read().strip())\n\
                  try: open('/proc/self/oom_score_adj', 'w').write('0')\nexcept OSError as error: print(error.strerror)";
    let expected = format!("CORE 0 0\nNPROC 53 53\nDATA {MEMORY} {MEMORY}\n1000\nRead-only file system\n");
    assert_eq!(python(&project, &cell, script), (Exit::Code(0), expected));
    // Nobody asked for a limit, so that programs may reserve what they like.
    let cell = project.start(|_| {});
    let script = "import resource as r\nprint(r.getrlimit(r.RLIMIT_DATA)[1])";
    assert_eq!(python(&project, &cell, script), (Exit::Code(0), "-1\n".to_owned()));
}

fn confine(project: &Project, before: &[&str], helper: &Path, args: &[&str]) -> Output {
    let words = [before, &[helper.to_str().unwrap()], args].concat();
    HostCommand::new(words[0])
        .args(&words[1..])
        .env_clear()
        .env("TMPDIR", project.scratch.path())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(project.workspace.path())
        .output()
        .unwrap()
}

/// Without the note on ids, which is another test's business.
fn told(output: &Output) -> (Option<i32>, String) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines = stderr
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("confine: note:"));
    (output.status.code(), lines.collect())
}

/// In a mount namespace of its own, scratch is a small disk.
#[test]
fn programs_that_fill_the_disk_are_ended() {
    let project = Project::new(&[]);
    let on_small_disk = "mount -t tmpfs -o size=64m,nr_inodes=2000 none \"$TMPDIR\" && exec \"$@\"";
    let before = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "/bin/sh",
        "-c",
        on_small_disk,
        "sh",
    ];
    let fill = |script: &str| {
        let args = ["--", "/bin/sh", "-c", script];
        told(&confine(&project, &before, Path::new(HELPER), &args))
    };
    assert_eq!(
        fill("dd if=/dev/zero of=$HOME/x bs=1M count=70 2>/dev/null; sleep 100"),
        (
            Some(137),
            "confine: the program was ended: less than 655.3 KiB was left on the disk that it writes to\n".to_owned()
        )
    );
    assert_eq!(
        fill("cd && seq 2000 | xargs touch 2>/dev/null; sleep 100"),
        (
            Some(137),
            "confine: the program was ended: the disk that it writes to had room for fewer than 20 more files\n"
                .to_owned()
        )
    );
    assert_eq!(
        fill("dd if=/dev/zero of=$HOME/x bs=1M count=62 2>/dev/null; sleep 0.3"),
        (Some(0), String::new())
    );
}

#[test]
fn an_ordinary_users_programs_have_the_same_limits() {
    if !is_root() {
        eprintln!("skipped: these tests run as an ordinary user already");
        return;
    }
    let project = Project::new(&["bomb"]);
    let helper = project.scratch.path().join("confine");
    fs::copy(HELPER, &helper).unwrap();
    for folder in [project.workspace.path(), project.scratch.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        chown(folder, Some(65_534), Some(65_534)).unwrap();
    }
    let before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let run = |script: &str| {
        fs::write(project.path("bomb"), format!("{BACKSTOP}{script}")).unwrap();
        let args = [
            "--memory",
            "200m",
            "--processes",
            "50",
            "--",
            "/usr/bin/python3",
            "bomb",
        ];
        confine(&project, &before, &helper, &args)
    };
    for (name, script) in MEMORY_BOMBS {
        let over = "confine: the program was ended: its programs together took more than 200 MiB of memory\n";
        assert_eq!(told(&run(script)), (Some(137), over.to_owned()), "{name}");
    }
    for (name, script) in JUST_BELOW {
        assert_eq!(told(&run(script)), (Some(0), String::new()), "{name}");
    }
    for script in [FORKS, THREADS] {
        let output = run(script);
        assert_eq!(told(&output), (Some(0), String::new()));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "50\n");
    }
}

#[test]
fn sizes_are_read_and_nonsense_is_refused() {
    let project = Project::new(&[]);
    let confine = |args: &[&str]| told(&confine(&project, &[], Path::new(HELPER), args));
    for size in ["300000000", "300000k", "300m", "1g"] {
        assert_eq!(
            confine(&["--memory", size, "--", "/bin/true"]),
            (Some(0), String::new())
        );
    }
    for (option, value, text) in [
        ("--memory", "much", "`much` is not a size; write 512m or 2g"),
        (
            "--memory",
            "99999999999g",
            "`99999999999g` is not a size; write 512m or 2g",
        ),
        ("--processes", "-1", "`-1` is not a number of processes"),
    ] {
        let (code, stderr) = confine(&[option, value, "--", "/bin/true"]);
        assert_eq!(
            (code, stderr.lines().next()),
            (Some(2), Some(format!("confine: {text}").as_str()))
        );
    }
}

#[test]
fn a_limit_that_nothing_fits_in_ends_the_first_program() {
    let project = Project::new(&[]);
    let mut spec = CellSpec::new(project.workspace.path(), project.scratch.path());
    spec.limits.memory = Some(MIB);
    let cell = Cell::start(&helpers(), &spec).unwrap();
    assert_ne!(python(&project, &cell, "time.sleep(100)").0, Exit::Code(0));
}
