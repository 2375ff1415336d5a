//! The interfaces that a running stage always has, for a component that is only asked what it is: there is no stage yet, so
//! they have nothing to tell and nobody to tell it to.

use super::Denied;
use crate::bindings::{context, files, report, state};

impl context::Host for Denied<'_> {
    async fn config(&mut self) -> wasmtime::Result<String> {
        Ok("{}".into())
    }

    async fn stage_name(&mut self) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    async fn run_id(&mut self) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    async fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(0)
    }

    async fn input(&mut self, _stage: String, _output: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn artifact(&mut self, _stage: String, _name: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn workspace(&mut self) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    async fn scratch(&mut self) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    async fn dry_run(&mut self) -> wasmtime::Result<bool> {
        Ok(true)
    }

    async fn stop_requested(&mut self) -> wasmtime::Result<bool> {
        Ok(false)
    }
}

const NOT_RUNNING: &str = "the stage is not running yet; only `run` can do this";

impl files::Host for Denied<'_> {
    async fn glob(&mut self, _patterns: Vec<String>) -> wasmtime::Result<Result<Vec<String>, files::Error>> {
        Ok(Err(files::Error::NotGranted(NOT_RUNNING.into())))
    }

    async fn read(&mut self, _path: String) -> wasmtime::Result<Result<Vec<u8>, files::Error>> {
        Ok(Err(files::Error::NotGranted(NOT_RUNNING.into())))
    }

    async fn write(&mut self, _path: String, _content: Vec<u8>) -> wasmtime::Result<Result<(), files::Error>> {
        Ok(Err(files::Error::NotGranted(NOT_RUNNING.into())))
    }
}

impl report::Host for Denied<'_> {
    async fn log(&mut self, _level: report::Level, _message: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn add_finding(&mut self, _finding: report::Finding) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn add_test(&mut self, _test: report::TestCase) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn progress(&mut self, _done: u64, _total: Option<u64>, _what: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn metric(&mut self, _name: String, _value: f64, _unit: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn set_output(&mut self, _key: String, _value: String) -> wasmtime::Result<Result<(), String>> {
        Ok(Err(NOT_RUNNING.into()))
    }

    async fn keep_artifact(
        &mut self,
        _name: String,
        _path: String,
        _media_type: String,
    ) -> wasmtime::Result<Result<(), String>> {
        Ok(Err(NOT_RUNNING.into()))
    }

    async fn summary(&mut self, _markdown: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl state::Host for Denied<'_> {
    async fn get(&mut self, _key: String) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }

    async fn put(&mut self, _key: String, _value: String) -> wasmtime::Result<Result<(), String>> {
        Ok(Err(NOT_RUNNING.into()))
    }
}
