//! What a Cell costs: `cargo run -p tidegate-confine --example cost`. Prints medians of `/bin/true`, started and ended.

use std::path::Path;
use std::time::{Duration, Instant};

use tidegate_confine::{Cell, CellSpec, Command, run_helper_if_asked};

const ROUNDS: usize = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run_helper_if_asked();
    let base = std::env::temp_dir().join(format!("cost-{}", std::process::id()));
    let (workspace, scratch) = (base.join("workspace"), base.join("scratch"));
    std::fs::create_dir_all(&workspace)?;
    std::fs::create_dir_all(&scratch)?;
    let spec = CellSpec::new(&workspace, &scratch);
    let (mut plain, mut start, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // In turns, so that whatever else the machine does touches all of them.
    for _ in 0..ROUNDS {
        timed(&mut plain, || std::process::Command::new("/bin/true").status())?;
        let cell = timed(&mut start, || Cell::start(Path::new("/proc/self/exe"), &spec))?;
        for times in [&mut first, &mut second] {
            timed(times, || {
                cell.spawn(Command::new("/bin/true", &workspace))
                    .map(|child| child.wait())
            })?;
        }
    }
    std::fs::remove_dir_all(&base)?;
    for (name, mut times) in [
        ("plain spawn", plain),
        ("start of the cell", start),
        ("first command", first),
        ("second command", second),
    ] {
        times.sort();
        println!("{name:18} {:.2} ms", times[times.len() / 2].as_secs_f64() * 1e3);
    }
    Ok(())
}

fn timed<T, E>(times: &mut Vec<Duration>, action: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let result = action();
    times.push(start.elapsed());
    result
}
