//! The machine and the user, read once and handed to the libraries.

use std::num::NonZero;
use std::os::fd::AsFd;
use std::path::PathBuf;

use tidegate_confine::Helpers;
use tidegate_runner::Host;

pub(crate) fn host() -> Host {
    let env: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let home = env.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let xdg = |name: &str, fallback: &str| {
        let set = env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        set.or_else(|| home.as_ref().map(|home| home.join(fallback)))
    };
    let cache = xdg("XDG_CACHE_HOME", ".cache").map(|folder| folder.join("tidegate"));
    let temp = std::env::temp_dir();
    Host {
        cache,
        temp,
        home,
        env,
        // This very program, also when its file was replaced meanwhile.
        helpers: Helpers::of("/proc/self/exe"),
    }
}

/// `config.toml` of the user.
pub(crate) fn user_config(host: &Host) -> Option<PathBuf> {
    let set = host
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let folder = set.or_else(|| host.home.as_ref().map(|home| home.join(".config")))?;
    Some(folder.join("tidegate/config.toml"))
}

/// The width of the terminal that a stream leads to, or what `COLUMNS` says in its place. None where there is no terminal.
pub(crate) fn columns(stream: impl AsFd) -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0)))
}

/// The signals that this process was started to ignore, as bits from 0 for signal 1. None where the system does not tell.
pub(crate) fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Stages at the same time when nothing else is asked for.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
