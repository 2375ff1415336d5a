//! What the stage may know of its run: all of it stands in its spec.

use std::path::Path;

use crate::attempt::Attempt;
use crate::bindings::context::Host;

impl Host for Attempt {
    async fn config(&mut self) -> wasmtime::Result<String> {
        Ok(self.spec.config.clone())
    }

    async fn stage_name(&mut self) -> wasmtime::Result<String> {
        Ok(self.spec.stage.clone())
    }

    async fn run_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.spec.run.clone())
    }

    async fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.spec.attempt)
    }

    async fn input(&mut self, stage: String, output: String) -> wasmtime::Result<Option<String>> {
        Ok(self
            .spec
            .inputs
            .get(&stage)
            .and_then(|outputs| outputs.get(&output))
            .cloned())
    }

    async fn artifact(&mut self, stage: String, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self
            .spec
            .artifacts
            .get(&stage)
            .and_then(|artifacts| artifacts.get(&name))
            .cloned())
    }

    async fn workspace(&mut self) -> wasmtime::Result<String> {
        Ok(text(&self.spec.workspace))
    }

    async fn scratch(&mut self) -> wasmtime::Result<String> {
        Ok(text(&self.spec.scratch))
    }

    async fn dry_run(&mut self) -> wasmtime::Result<bool> {
        Ok(self.spec.dry_run)
    }

    async fn stop_requested(&mut self) -> wasmtime::Result<bool> {
        Ok(self.stop.is_requested())
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
