//! The engine that all stages of a process share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use wasmtime::{Config, Engine, InstanceAllocationStrategy, Strategy, WasmFeatures};

use crate::bindings::StagePre;
use crate::code_cache::{CodeCache, CodeCacheError};
use crate::component::{Component, Shared};
use crate::limits::{BACKTRACE_FRAMES, COMPILE_TIME};
use crate::{Digest, LoadError, link, preflight, ticker};

/// One per process. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    cache: Option<Arc<CodeCache>>,
}

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    #[error(transparent)]
    Cache(#[from] CodeCacheError),
}

impl Sandbox {
    /// `cache_dir` is a folder of the user's own; compiled code goes into its folder `code`. None: nothing is kept.
    pub fn new(cache_dir: Option<PathBuf>) -> Result<Self, SandboxError> {
        let cache = cache_dir.map(|dir| CodeCache::open(&dir)).transpose()?.map(Arc::new);
        let engine = Engine::new(&config()).map_err(|error| SandboxError::Engine(error.to_string()))?;
        ticker::start(&engine).map_err(|error| SandboxError::Engine(error.to_string()))?;
        Ok(Self { engine, cache })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Checks and compiles a component, or maps the code that was kept for these very bytes. Runs none of its code.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Component, LoadError> {
        let sandbox = self.clone();
        let compile = tokio::task::spawn_blocking(move || sandbox.load_now(&bytes));
        match tokio::time::timeout(COMPILE_TIME, compile).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(panic)) => Err(LoadError::Compile(panic.to_string())),
            // The thread can't be stopped; it ends by itself, and its result is dropped.
            Err(_) => Err(LoadError::CompileTimeout),
        }
    }

    fn load_now(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        let stubs = preflight::check(bytes)?;
        let digest = Digest::of(bytes);
        let (code, cached) = self.code(digest, bytes)?;
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
        let probe = link::probe(&self.engine, &code, &stubs)
            .and_then(StagePre::new)
            .map_err(mismatch)?;
        let linked = Mutex::new(HashMap::new());
        Ok(Component {
            shared: Arc::new(Shared {
                code,
                digest,
                cached,
                stubs,
                probe,
                linked,
            }),
        })
    }

    fn code(&self, digest: Digest, bytes: &[u8]) -> Result<(wasmtime::component::Component, bool), LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
        let Some(cache) = &self.cache else {
            return Ok((
                wasmtime::component::Component::from_binary(&self.engine, bytes).map_err(failed)?,
                false,
            ));
        };
        let key = format!("{}-{:016x}", digest.hex(), self.settings_hash());
        if let Some(code) = cache.find(&key).and_then(|path| self.map(&path)) {
            return Ok((code, true));
        }
        let code = wasmtime::component::Component::from_binary(&self.engine, bytes).map_err(failed)?;
        // A full disk costs time at the next start, and nothing else.
        if let Ok(native) = code.serialize() {
            let _ = cache.store(&key, &native);
        }
        Ok((code, false))
    }

    #[expect(unsafe_code, reason = "mapping native code is the point of the cache")]
    fn map(&self, path: &std::path::Path) -> Option<wasmtime::component::Component> {
        // SAFETY: the file lies in a folder that only this user can write, has the checksum that this program wrote behind
        // its own output, and is never changed in place: a new version replaces it by rename.
        unsafe { wasmtime::component::Component::deserialize_file(&self.engine, path) }.ok()
    }

    /// Of the version and every setting that compiled code depends on.
    fn settings_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// What a stage does not need is off: each feature is code that could be wrong.
fn config() -> Config {
    let mut config = Config::new();
    config
        // The other compiler had most of 2026's advisories.
        .strategy(Strategy::Cranelift)
        // Pools pay with limits that real guests hit, and keep memory of one guest for the next.
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .epoch_interruption(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::GC | WasmFeatures::MEMORY64, false);
    config
}
