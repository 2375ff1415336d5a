//! What this version does not enforce yet, in plain words: the promise is only as good as what is said about its gaps.

use tidegate_confine::Level;

use crate::plan::{Plan, StagePlan};

/// Empty when the plan starts no native program, and so rests on the Wasm sandbox and the View alone, and the kernel makes the
/// View.
pub fn not_enforced(plan: &Plan) -> Vec<String> {
    let mut gaps = of_programs(plan);
    if !cfg!(target_os = "linux") {
        gaps.push(
            "hidden and read-only files are kept from components by the engine, which looks at names, and not by the kernel"
                .into(),
        );
    }
    gaps
}

fn of_programs(plan: &Plan) -> Vec<String> {
    match plan.level {
        Level::Full => Vec::new(),
        Level::Degraded if !plan.stages.iter().any(StagePlan::runs_programs) => Vec::new(),
        Level::Degraded => vec![
            "programs see names, sizes and times of any file, can change modes and times of yours, and see that other programs \
             run (--allow-degraded)"
                .into(),
        ],
        Level::Unconfined => vec![
            "native programs run unconfined, as your user, and stages see hidden files such as .env (--allow-unconfined)"
                .into(),
        ],
    }
}
