use std::collections::BTreeSet;

use super::{MigrationGraph, NodeId};

/// One circle is enough to stop Django; more than this in one report only hides the first.
const MAX_CIRCLES: usize = 10;

impl MigrationGraph<'_> {
    /// Migrations that depend on each other in a circle, each starting at the smallest of its names. No migration is in two.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<NodeId>> {
        let mut rest: BTreeSet<NodeId> = self.active().map(|(id, _)| id).collect();
        let mut circles = Vec::new();
        while circles.len() < MAX_CIRCLES {
            self.strip(&mut rest);
            let Some(start) = rest.first() else { break };
            let circle = self.walk(*start, &rest);
            for id in &circle {
                rest.remove(id);
            }
            circles.push(circle);
        }
        circles
    }

    /// Takes away, again and again, what depends on nothing that is left: a circle stays.
    fn strip(&self, rest: &mut BTreeSet<NodeId>) {
        let is_free = |id: &NodeId, rest: &BTreeSet<NodeId>| self.node(*id).parents.iter().all(|up| !rest.contains(up));
        let mut free: Vec<NodeId> = rest.iter().filter(|id| is_free(id, rest)).copied().collect();
        while let Some(id) = free.pop() {
            if rest.remove(&id) {
                let freed = self
                    .node(id)
                    .children
                    .iter()
                    .filter(|child| rest.contains(child) && is_free(child, rest));
                free.extend(freed);
            }
        }
    }

    /// Goes from parent to parent until one comes again: everything that is left has a parent that is left.
    fn walk(&self, start: NodeId, rest: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let mut seen: Vec<NodeId> = Vec::new();
        let mut at = start;
        loop {
            if let Some(from) = seen.iter().position(|id| *id == at) {
                let mut circle = seen.split_off(from);
                let first = circle
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, id)| self.title(**id))
                    .map_or(0, |(index, _)| index);
                circle.rotate_left(first);
                return circle;
            }
            seen.push(at);
            match self.node(at).parents.iter().find(|parent| rest.contains(parent)) {
                Some(parent) => at = *parent,
                None => return seen,
            }
        }
    }
}
