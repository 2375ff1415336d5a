use super::supervisor::Supervisor;

/// The first argument that turns the engine's own binary into a Cell's helper.
pub(crate) const HELPER_ARGUMENT: &str = "__tidegate-cell";

/// To be called first in `main` of a binary that is given to `Cell::start` as its helper. Returns at once when the process was
/// started as anything else; otherwise it never returns.
pub fn run_helper_if_asked() {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == HELPER_ARGUMENT)
    {
        Supervisor::run()
    }
}
