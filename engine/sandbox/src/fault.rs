//! What a call of the guest that did not return means.

use wasmtime::WasmBacktrace;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;

use crate::attempt::LimitBroken;
use crate::clip::clip;
use crate::denied::DeniedImport;
use crate::guest_state::GuestState;
use crate::limits::{COMPONENT_HANDLES, HOSTCALL_BYTES, MESSAGE_BYTES, MIB, RANDOM_BYTES, TABLE_ENTRIES};

/// Each with a text for the stage's author.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Denied(String),
    Limit(String),
    Trap(String),
}

impl Fault {
    pub(crate) fn of(error: &wasmtime::Error, guest: &GuestState) -> Self {
        if let Some(denied) = error.downcast_ref::<DeniedImport>() {
            return Self::Denied(denied.to_string());
        }
        if let Some(limit) = limit(error, guest) {
            return Self::Limit(format!("the stage needs {limit}"));
        }
        if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
            return Self::Trap(format!("the component called exit({code}) instead of returning"));
        }
        Self::Trap(clip(trace(error), MESSAGE_BYTES))
    }
}

fn limit(error: &wasmtime::Error, guest: &GuestState) -> Option<String> {
    if let Some(broken) = error.downcast_ref::<LimitBroken>() {
        return Some(broken.to_string());
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(format!("more than {TABLE_ENTRIES} open resources"));
    }
    // Wasmtime has no types for these. A test runs a guest into each, so that a change of the words is seen.
    let text = error.root_cause().to_string();
    if text.contains("store handle limit exceeded") {
        return Some(format!("more than {COMPONENT_HANDLES} handles"));
    }
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Some(format!("to pass more than {} MiB in one call", HOSTCALL_BYTES / MIB));
    }
    if text.contains("requested len") && text.contains("exceeds limit") {
        return Some(format!(
            "more than {} MiB of random bytes in one call",
            RANDOM_BYTES as usize / MIB
        ));
    }
    if text.contains("resource limit exceeded") {
        return Some(text);
    }
    guest.limiter.refused().map(str::to_owned)
}

/// The cause first, then the frames, innermost first.
fn trace(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    let mut text = cause.strip_prefix("wasm trap: ").unwrap_or(&cause).to_owned();
    for frame in error
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default()
    {
        let name = frame.func_name().map_or_else(
            || format!("function {}", frame.func_index()),
            |name| format!("{:#}", rustc_demangle::demangle(name)),
        );
        text.push_str("\n  at ");
        text.push_str(&name);
    }
    text
}
