//! What a Cell costs: `cargo run --release -p tidegate-confine --example cost`. Prints medians of `/bin/true`: started plainly, by
//! bubblewrap where it is installed, and in a Cell.

use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

use tidegate_confine::{Cell, CellSpec, Command, Helpers, run_helper_if_asked, system_set};

const ROUNDS: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run_helper_if_asked();
    let base = std::env::temp_dir().join(format!("cost-{}", process::id()));
    let (workspace, scratch) = (base.join("workspace"), base.join("scratch"));
    std::fs::create_dir_all(&workspace)?;
    std::fs::create_dir_all(&scratch)?;
    let spec = CellSpec::new(&workspace, &scratch);
    let helpers = Helpers::of("/proc/self/exe");
    let has_bubblewrap = bubblewrap(&workspace, &scratch)
        .status()
        .is_ok_and(|status| status.success());
    let mut times: [(&str, Vec<Duration>); 7] = [
        ("plain spawn", Vec::new()),
        ("bubblewrap", Vec::new()),
        ("cell of one command", Vec::new()),
        ("  its start", Vec::new()),
        ("  its command", Vec::new()),
        ("  its end", Vec::new()),
        ("a second command", Vec::new()),
    ];
    // In turns, so that whatever else the machine does touches all of them.
    for _ in 0..ROUNDS {
        let [plain, wrapped, whole, start, first, end, second] = times.each_mut().map(|(_, times)| times);
        timed(plain, || process::Command::new("/bin/true").status())?;
        if has_bubblewrap {
            timed(wrapped, || bubblewrap(&workspace, &scratch).status())?;
        }
        let run = |cell: &Cell| {
            cell.spawn(Command::new("/bin/true", &workspace))
                .map(|child| child.wait())
        };
        for seconds in [None, Some(second)] {
            helpers.prepare();
            // As in a run, where the helper is made while something else is done.
            std::thread::sleep(Duration::from_millis(5));
            let begin = Instant::now();
            let cell = timed(&mut *start, || Cell::start(&helpers, &spec))?;
            timed(&mut *first, || run(&cell))?;
            if let Some(second) = seconds {
                timed(second, || run(&cell))?;
                continue;
            }
            let ending = Instant::now();
            drop(cell);
            end.push(ending.elapsed());
            whole.push(begin.elapsed());
        }
    }
    std::fs::remove_dir_all(&base)?;
    let plain = median(&mut times[0].1).as_secs_f64();
    for (name, times) in &mut times {
        if !times.is_empty() {
            let median = median(times).as_secs_f64();
            println!(
                "{name:20} {:6.2} ms {:6.1} times a plain one",
                median * 1e3,
                median / plain
            );
        }
    }
    Ok(())
}

/// With the same things in sight; what a Cell writes itself is bound from this machine.
fn bubblewrap(workspace: &Path, scratch: &Path) -> process::Command {
    let mut command = process::Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]);
    command.args(["--tmpfs", "/dev/shm", "--tmpfs", "/tmp"]);
    let set = system_set();
    for folder in set.folders() {
        match std::fs::read_link(folder) {
            Ok(target) => command.arg("--symlink").arg(target).arg(folder),
            Err(_) => command.args(["--ro-bind-try", folder, folder]),
        };
    }
    for file in set.configuration().iter().chain(set.synthetic_files()) {
        command.args(["--ro-bind-try", file, file]);
    }
    for folder in [workspace, scratch] {
        command.arg("--bind").args([folder, folder]);
    }
    command.arg("--chdir").args([workspace, Path::new("/bin/true")]);
    command
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn timed<T, E>(times: &mut Vec<Duration>, action: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let result = action();
    times.push(start.elapsed());
    result
}
