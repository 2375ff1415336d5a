//! `ssh` without `grant.ssh`.

use wasmtime::component::Resource;

use super::{Denied, quoted};
use crate::ConnectionId;
use crate::bindings::ssh;

impl Denied<'_> {
    fn refuse_target(&mut self, target: &str) -> ssh::Error {
        ssh::Error::NotGranted(self.refuse("ssh", "ssh", &format!("[{}]", quoted(target))))
    }

    /// No connection was ever given out, so a guest can't get this answer.
    fn refuse_connection(&mut self) -> ssh::Error {
        ssh::Error::NotGranted(self.refuse("ssh", "ssh", "[…]"))
    }
}

impl ssh::Host for Denied<'_> {
    async fn hosts(&mut self, target: String) -> wasmtime::Result<Result<Vec<String>, ssh::Error>> {
        Ok(Err(self.refuse_target(&target)))
    }
}

impl ssh::HostConnection for Denied<'_> {
    async fn open(
        &mut self,
        target: String,
        _host: String,
    ) -> wasmtime::Result<Result<Resource<ConnectionId>, ssh::Error>> {
        Ok(Err(self.refuse_target(&target)))
    }

    async fn exec(
        &mut self,
        _: Resource<ConnectionId>,
        _argv: Vec<String>,
        _stdin: Vec<u8>,
        _timeout_ms: Option<u64>,
    ) -> wasmtime::Result<Result<ssh::Finished, ssh::Error>> {
        Ok(Err(self.refuse_connection()))
    }

    async fn shell(
        &mut self,
        _: Resource<ConnectionId>,
        _line: String,
        _stdin: Vec<u8>,
        _timeout_ms: Option<u64>,
    ) -> wasmtime::Result<Result<ssh::Finished, ssh::Error>> {
        Ok(Err(self.refuse_connection()))
    }

    async fn upload(
        &mut self,
        _: Resource<ConnectionId>,
        _local: String,
        _remote: String,
        _exclude: Vec<String>,
    ) -> wasmtime::Result<Result<u64, ssh::Error>> {
        Ok(Err(self.refuse_connection()))
    }

    async fn write_file(
        &mut self,
        _: Resource<ConnectionId>,
        _remote: String,
        _content: Vec<u8>,
        _mode: u32,
    ) -> wasmtime::Result<Result<(), ssh::Error>> {
        Ok(Err(self.refuse_connection()))
    }

    async fn read_file(
        &mut self,
        _: Resource<ConnectionId>,
        _remote: String,
    ) -> wasmtime::Result<Result<Vec<u8>, ssh::Error>> {
        Ok(Err(self.refuse_connection()))
    }

    async fn drop(&mut self, _: Resource<ConnectionId>) -> wasmtime::Result<()> {
        Ok(())
    }
}
