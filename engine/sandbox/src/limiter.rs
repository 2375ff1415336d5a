//! Counts what a store takes of the host: one limit for all memories together, not for each.

use wasmtime::ResourceLimiter;

use crate::limits::{INSTANCES, MEMORIES, MIB, TABLE_ELEMENTS, TABLES};

#[derive(Debug)]
pub(crate) struct Limiter {
    memory_limit: usize,
    memory_used: usize,
    table_used: usize,
    /// What was refused first: a guest that traps afterwards most likely did so because of it.
    refused: Option<String>,
}

impl Limiter {
    pub(crate) fn new(memory_limit_bytes: u64) -> Self {
        Self {
            memory_limit: usize::try_from(memory_limit_bytes).unwrap_or(usize::MAX),
            memory_used: 0,
            table_used: 0,
            refused: None,
        }
    }

    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    fn refuse(&mut self, what: impl FnOnce() -> String) -> wasmtime::Result<bool> {
        self.refused.get_or_insert_with(what);
        Ok(false)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let limit = self.memory_limit;
        let used = self.memory_used.saturating_add(desired.saturating_sub(current));
        if used > limit {
            return self.refuse(|| format!("more than {} MiB of memory", limit / MIB));
        }
        self.memory_used = used;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.table_used.saturating_add(desired.saturating_sub(current));
        if used > TABLE_ELEMENTS {
            return self.refuse(|| format!("more than {TABLE_ELEMENTS} table elements"));
        }
        self.table_used = used;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_share_one_limit() {
        let mut limiter = Limiter::new(3 * MIB as u64);
        assert!(limiter.memory_growing(0, 2 * MIB, None).unwrap());
        assert!(limiter.memory_growing(0, MIB, None).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.memory_growing(MIB, MIB + 1, None).unwrap());
        assert_eq!(limiter.refused(), Some("more than 3 MiB of memory"));
    }
}
