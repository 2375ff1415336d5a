//! The contract in Rust, generated from `wit/`. Host functions are async, so that a stage that waits holds no thread, and
//! may trap, so that a broken limit can end the attempt.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "stage",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "tidegate:stage/process.command": crate::broker::Command,
        "tidegate:stage/process.child": crate::broker::ProcessId,
        "tidegate:stage/http.request": crate::broker::HttpRequest,
        "tidegate:stage/ssh.connection": crate::broker::ConnectionId,
    },
});

pub(crate) use exports::tidegate::stage::plugin;
pub(crate) use tidegate::stage::{context, files, http, process, report, secrets, source, ssh, state};
