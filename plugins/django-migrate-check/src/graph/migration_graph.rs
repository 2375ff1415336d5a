use std::collections::{BTreeSet, HashMap};

use crate::model::{Migration, Project};

/// Migrations and what they depend on, with squashed migrations in the place of those that they replace.
#[derive(Debug)]
pub struct MigrationGraph<'a> {
    pub(super) project: &'a Project,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) by_name: HashMap<(usize, &'a str), NodeId>,
    pub(super) edges: Vec<Edge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

#[derive(Debug)]
pub struct Node<'a> {
    /// Index in the project's apps.
    pub app: usize,
    pub name: &'a str,
    /// None: the file can't be read, or there is none and something depends on it.
    pub migration: Option<&'a Migration>,
    /// False for what something depends on and no file holds.
    pub exists: bool,
    /// True once a squashed migration stands for it.
    pub is_replaced: bool,
    pub parents: BTreeSet<NodeId>,
    pub children: BTreeSet<NodeId>,
}

/// A dependency as a file states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub child: NodeId,
    pub parent: NodeId,
    /// Whose file states it: the child, or the parent by `run_before`.
    pub stated_by: NodeId,
    pub line: u32,
}

impl<'a> MigrationGraph<'a> {
    pub fn project(&self) -> &'a Project {
        self.project
    }

    pub fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id.0]
    }

    /// Nodes that no squashed migration stands for.
    pub fn active(&self) -> impl Iterator<Item = (NodeId, &Node<'a>)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| !node.is_replaced)
            .map(|(index, node)| (NodeId(index), node))
    }

    /// All dependencies as the files state them, in the order of apps and names.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// `shop.0001_initial`
    pub fn title(&self, id: NodeId) -> String {
        let node = self.node(id);
        format!("{}.{}", self.project.apps[node.app].label.text, node.name)
    }

    /// Migrations that no other one of the same app depends on, sorted by name.
    pub fn leaves(&self, app: usize) -> Vec<NodeId> {
        self.ends(app, |node| &node.children)
    }

    /// True if a migration of the app depends on one of the same app that no file holds.
    pub fn lacks_parents(&self, app: usize) -> bool {
        let is_missing = |id: &NodeId| {
            let node = self.node(*id);
            node.app == app && !node.exists && !node.is_replaced
        };
        self.active()
            .any(|(_, node)| node.app == app && node.parents.iter().any(is_missing))
    }

    /// Migrations that depend on no other one of the same app, sorted by name.
    pub fn roots(&self, app: usize) -> Vec<NodeId> {
        self.ends(app, |node| &node.parents)
    }

    /// The place where the dependency of one migration on another is stated; None if a squashed migration brought it.
    pub fn edge(&self, child: NodeId, parent: NodeId) -> Option<&Edge> {
        self.edges
            .iter()
            .find(|edge| edge.child == child && edge.parent == parent)
    }

    fn ends(&self, app: usize, neighbours: impl for<'n> Fn(&'n Node<'a>) -> &'n BTreeSet<NodeId>) -> Vec<NodeId> {
        let is_end = |node: &Node<'a>| neighbours(node).iter().all(|other| self.node(*other).app != app);
        let ends = self
            .active()
            .filter(|(_, node)| node.app == app && node.exists && is_end(node));
        let mut ends: Vec<NodeId> = ends.map(|(id, _)| id).collect();
        ends.sort_by_key(|id| self.node(*id).name);
        ends
    }
}
