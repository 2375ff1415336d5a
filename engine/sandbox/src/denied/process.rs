//! `process` without `grant.exec`.

use wasmtime::component::Resource;

use super::{Denied, quoted};
use crate::bindings::process;
use crate::clip::clip;
use crate::limits::NAME_BYTES;
use crate::{Command, ProcessId};

impl Denied<'_> {
    fn refuse_program(&mut self, command: &Resource<Command>) -> wasmtime::Result<process::Error> {
        let program = quoted(&self.table.get(command)?.program);
        Ok(process::Error::NotGranted(self.refuse(
            "process",
            "exec",
            &format!("[{program}]"),
        )))
    }
}

impl process::Host for Denied<'_> {
    async fn poll(&mut self, _children: Vec<Resource<ProcessId>>, _timeout_ms: u64) -> wasmtime::Result<Vec<u32>> {
        Ok(Vec::new())
    }
}

/// Keeps the program's name, for the answer, and nothing else.
impl process::HostCommand for Denied<'_> {
    async fn new(&mut self, program: String) -> wasmtime::Result<Resource<Command>> {
        Ok(self.table.push(Command {
            program: clip(program, NAME_BYTES),
            ..Command::default()
        })?)
    }

    async fn args(&mut self, _: Resource<Command>, _args: Vec<String>) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn env(&mut self, _: Resource<Command>, _name: String, _value: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn cwd(&mut self, _: Resource<Command>, _path: String) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn stdin(&mut self, _: Resource<Command>, _content: Vec<u8>) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn stdout(&mut self, _: Resource<Command>, _to: process::Sink) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn stderr(&mut self, _: Resource<Command>, _to: process::Sink) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn timeout_ms(&mut self, _: Resource<Command>, _limit: u64) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn run(&mut self, this: Resource<Command>) -> wasmtime::Result<Result<process::Finished, process::Error>> {
        Ok(Err(self.refuse_program(&this)?))
    }

    async fn spawn(
        &mut self,
        this: Resource<Command>,
    ) -> wasmtime::Result<Result<Resource<ProcessId>, process::Error>> {
        Ok(Err(self.refuse_program(&this)?))
    }

    async fn drop(&mut self, this: Resource<Command>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// No child was ever given out, so a guest can't call these.
impl process::HostChild for Denied<'_> {
    async fn read_stdout(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn read_stderr(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn write_stdin(
        &mut self,
        _: Resource<ProcessId>,
        _content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), process::Error>> {
        Ok(Err(process::Error::NotGranted(self.refuse("process", "exec", "[…]"))))
    }

    async fn close_stdin(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn finished(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<Option<process::Exit>> {
        Ok(None)
    }

    async fn kill(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn drop(&mut self, _: Resource<ProcessId>) -> wasmtime::Result<()> {
        Ok(())
    }
}
