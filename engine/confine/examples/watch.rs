//! What watching costs: `cargo run --release -p tidegate-confine --example watch`. Prints the processor time that a Cell's helper
//! takes while idle programs run in it.

use std::time::Duration;

use tidegate_confine::{Cell, CellSpec, Command, Helpers, run_helper_if_asked};

const SECONDS: u64 = 10;

/// In hundredths of a second (USER_HZ), of this process's only child.
fn helper_time() -> Option<u64> {
    let own = std::process::id();
    let child = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).ok()?;
    let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    times.map(|time| time.parse::<u64>().ok()).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run_helper_if_asked();
    let base = std::env::temp_dir().join(format!("watch-{}", std::process::id()));
    let (workspace, scratch) = (base.join("workspace"), base.join("scratch"));
    std::fs::create_dir_all(&workspace)?;
    std::fs::create_dir_all(&scratch)?;
    for processes in [1, 20, 200, 1_000] {
        let cell = Cell::start(&Helpers::of("/proc/self/exe"), &CellSpec::new(&workspace, &scratch))?;
        let mut command = Command::new("/bin/sh", &workspace);
        let script = format!("for i in $(/usr/bin/seq 2 {processes}); do /bin/sleep 1000 & done; exec /bin/sleep 1000");
        command.args = vec!["-c".into(), script.into()];
        let _child = cell.spawn(command)?;
        std::thread::sleep(Duration::from_secs(3));
        let before = helper_time().ok_or("no helper")?;
        std::thread::sleep(Duration::from_secs(SECONDS));
        let took = helper_time().ok_or("no helper")? - before;
        println!(
            "{processes:5} processes  {:.1} % of a processor",
            took as f64 / SECONDS as f64
        );
    }
    std::fs::remove_dir_all(&base)?;
    Ok(())
}
