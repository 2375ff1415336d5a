//! What one program swaps while another one, or the engine, opens it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::arena::{Place, SECRET};
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::{Landlock, Mounts, View};

/// Without a Cell most races are won within a few milliseconds.
const RACE: Duration = Duration::from_millis(400);

/// Where they have to be won, also on a busy machine.
const PLAIN_RACE: Duration = Duration::from_secs(4);

/// Swaps two names until it is ended. They are in scratch or in a `write` folder: what the engine and the host see too.
const SWAP: &str = "import os, sys\n\
    one, two, link = sys.argv[1:4]\n\
    os.makedirs(os.path.dirname(one), exist_ok=True)\n\
    kind = sys.argv[4]\n\
    os.mkdir(one) if kind == 'folder' else open(one, 'w').write('harmless')\n\
    os.symlink(link, two)\n\
    print('ready', flush=True)\n\
    import time; deadline = time.monotonic() + 5\n\
    while time.monotonic() < deadline:\n\
    \x20   os.rename(one, one + '.x'); os.rename(two, one); os.rename(one, two); os.rename(one + '.x', one)\n";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program(
        "two programs race for a link to the outside",
        &[Mounts],
        "open('out/race', 'w').close()\n\
         os.symlink(secret, 'out/race-link')\n\
         def swap():\n\
         \x20   while True:\n\
         \x20       os.rename('out/race', 'out/race.x'); os.rename('out/race-link', 'out/race')\n\
         \x20       os.rename('out/race', 'out/race-link'); os.rename('out/race.x', 'out/race')\n\
         swapping = child(swap)\n\
         deadline = time.monotonic() + 0.5\n\
         try:\n\
         \x20   while time.monotonic() < deadline:\n\
         \x20       try: return reads('out/race')\n\
         \x20       except (Stopped, FileNotFoundError): pass\n\
         finally: end(swapping)\n\
         raise Stopped('never the secret')",
    ),
    Attack::program(
        "two programs race for a write to the outside",
        &[Mounts, Landlock],
        "open('out/aim', 'w').close()\n\
         os.symlink(outside + '/raced', 'out/aim-link')\n\
         def swap():\n\
         \x20   while True:\n\
         \x20       os.rename('out/aim', 'out/aim.x'); os.rename('out/aim-link', 'out/aim')\n\
         \x20       os.rename('out/aim', 'out/aim-link'); os.rename('out/aim.x', 'out/aim')\n\
         swapping = child(swap)\n\
         deadline = time.monotonic() + 0.5\n\
         try:\n\
         \x20   while time.monotonic() < deadline:\n\
         \x20       try: file = os.open('out/aim', os.O_WRONLY | os.O_CREAT)\n\
         \x20       except OSError: continue\n\
         \x20       if outside in os.readlink('/proc/self/fd/%d' % file): return 'opened outside'\n\
         \x20       os.close(file)\n\
         finally: end(swapping)\n\
         raise Stopped('never outside')",
    ),
    Attack::engine("the engine opens what a program swaps", &[View], |place| {
        reading(place, "out/report/file", "file", |place| place.arena.secret())
    })
    .not_tried_at_degraded(),
    Attack::engine("the engine opens in a folder that a program swaps", &[View], |place| {
        reading(place, "out/reports", "folder", |place| {
            place.arena.outside.path().to_owned()
        })
    })
    .not_tried_at_degraded(),
    Attack::engine(
        "the engine makes a file in a folder that a program swaps",
        &[View],
        making,
    )
    .not_tried_at_degraded(),
    Attack::engine("the engine opens a link to a hidden file", &[View], |place| {
        following(place, "os.symlink('../certs/key.pem', 'out/to-key')", "out/to-key")
    })
    .not_tried_at_degraded(),
    Attack::engine("the engine opens a pipe that nobody writes to", &[View], |place| {
        waiting(place, "os.mkfifo('out/pipe')", "out/pipe")
    })
    .never_unconfined(),
    Attack::engine(
        "the engine opens a file that a program has a lease on",
        &[View],
        |place| {
            waiting(
                place,
                "import fcntl, signal\n\
             signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
             leased = os.open('out/plain', os.O_RDWR)\n\
             fcntl.fcntl(leased, fcntl.F_SETLEASE, fcntl.F_WRLCK)",
                "out/plain",
            )
        },
    )
    .never_unconfined(),
    Attack::engine("the engine opens a link into its own /proc", &[View], |place| {
        let link = format!(
            "os.symlink('/proc/self/root{}', 'out/to-proc')",
            place.arena.secret().display()
        );
        following(place, &link, "out/to-proc")
    })
    .not_tried_at_degraded(),
    Attack::engine("the engine opens a link to a file outside", &[View], |place| {
        let link = format!("os.symlink('{}', 'out/to-outside')", place.arena.secret().display());
        following(place, &link, "out/to-outside")
    })
    .not_tried_at_degraded(),
];

/// As the engine opens it for a stage; without a Cell as any program does.
fn read(place: &Place, relative: &Path) -> Option<String> {
    let mut text = String::new();
    match &place.cell {
        Some(cell) => cell.view().open(relative).ok()?.read_to_string(&mut text).ok()?,
        None => fs::File::open(place.arena.workspace.path().join(relative))
            .ok()?
            .read_to_string(&mut text)
            .ok()?,
    };
    Some(text)
}

fn following(place: &Place, script: &str, path: &str) -> Outcome {
    let output = place.python(&format!("import os\n{script}"), &[]);
    if !output.is_empty() {
        return Outcome::NotAttempted(output);
    }
    match read(place, Path::new(path)) {
        Some(text) if text == SECRET => Outcome::Breached(text),
        Some(text) => Outcome::Stopped(format!("`{text}`")),
        None => Outcome::Stopped("not opened".to_owned()),
    }
}

/// Opens a file while the program that made it an odd one still runs.
fn waiting(place: &Place, script: &str, path: &str) -> Outcome {
    let script = format!("import os, time\n{script}\nprint('ready', flush=True)\ntime.sleep(10)");
    let (reader, running) = place.start_python(&script, &[]);
    let mut said = String::new();
    BufReader::new(reader).read_line(&mut said).unwrap();
    if said != "ready\n" {
        return Outcome::NotAttempted(said);
    }
    let start = Instant::now();
    let opened = read(place, Path::new(path));
    let took = start.elapsed();
    running.kill();
    if took > RACE {
        return Outcome::Breached(format!("{took:?}"));
    }
    Outcome::Stopped(opened.map_or("not opened".to_owned(), |_| "opened at once".to_owned()))
}

/// Swaps while `race` is called; it is done when that answers or time is over.
fn racing(place: &Place, path: &str, kind: &str, link: &Path, race: impl Fn() -> Option<String>) -> Outcome {
    let swapped = format!("{path}.link");
    let args = [path, &swapped, link.to_str().unwrap(), kind];
    let (reader, running) = place.start_python(SWAP, &args);
    let mut said = String::new();
    BufReader::new(reader).read_line(&mut said).unwrap();
    if said != "ready\n" {
        return Outcome::NotAttempted(said);
    }
    let start = Instant::now();
    let time = if place.cell.is_some() { RACE } else { PLAIN_RACE };
    let mut won = None;
    while won.is_none() && start.elapsed() < time {
        won = race();
    }
    running.kill();
    won.map_or_else(|| Outcome::Stopped("never outside".to_owned()), Outcome::Breached)
}

fn reading(place: &Place, path: &str, kind: &str, link: fn(&Place) -> std::path::PathBuf) -> Outcome {
    let read_path = if kind == "folder" {
        format!("{path}/secret")
    } else {
        path.to_owned()
    };
    racing(place, path, kind, &link(place), || {
        read(place, Path::new(&read_path)).filter(|text| text == SECRET)
    })
}

fn making(place: &Place) -> Outcome {
    let made = place.arena.outside.path().join("made-by-the-engine");
    racing(place, "out/made", "folder", place.arena.outside.path(), || {
        let relative = "out/made/made-by-the-engine";
        // It fails whenever the folder is away for a moment.
        let _ = match &place.cell {
            Some(cell) => cell
                .view()
                .create(Path::new(relative))
                .and_then(|mut file| file.write_all(b"x")),
            None => fs::write(place.path(relative), "x"),
        };
        made.exists().then(|| made.display().to_string())
    })
}
