//! What this version does not enforce yet, in plain words: the promise is only as good as what is said about its gaps.

use crate::plan::Plan;

/// Empty when the plan starts no native program, and so rests on the Wasm sandbox and the View alone.
pub fn not_enforced(plan: &Plan) -> Vec<String> {
    if plan.allow_unconfined {
        return vec![
            "native programs run unconfined, as your user, and stages see hidden files such as .env (--allow-unconfined)"
                .into(),
        ];
    }
    Vec::new()
}
