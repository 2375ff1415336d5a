use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Edge, MigrationGraph, Node, NodeId};
use crate::model::{Dependency, Project, Target};

/// Apps of Django itself. Their source is seldom in the workspace, and a project may well have a folder of that name.
const DJANGO_LABELS: [&str; 7] = [
    "admin",
    "auth",
    "contenttypes",
    "flatpages",
    "redirects",
    "sessions",
    "sites",
];

impl<'a> MigrationGraph<'a> {
    /// Builds the graph that a fresh database gets: each squashed migration in the place of what it replaces. That is also
    /// the graph of a database where all replaced ones are applied.
    #[must_use]
    pub fn build(project: &'a Project) -> Self {
        let mut graph = Self {
            project,
            nodes: Vec::new(),
            by_name: HashMap::new(),
            edges: Vec::new(),
        };
        for (index, app) in project.apps.iter().enumerate() {
            for migration in &app.migrations {
                let node = graph.ensure(index, &migration.name);
                graph.nodes[node.0].migration = Some(migration);
                graph.nodes[node.0].exists = true;
            }
            for name in &app.unreadable {
                let node = graph.ensure(index, name);
                graph.nodes[node.0].exists = true;
            }
        }
        // Inside each app first: `__first__` and `__latest__` of another app depend on its shape.
        graph.connect(true);
        graph.connect(false);
        graph.put_squashed_in_place();
        graph
    }

    fn connect(&mut self, is_internal: bool) {
        for (index, app) in self.project.apps.iter().enumerate() {
            for migration in &app.migrations {
                let this = self.ensure(index, &migration.name);
                for dependency in &migration.dependencies {
                    if self.is_internal(index, dependency) == is_internal
                        && let Some(parent) = self.resolve(index, dependency)
                    {
                        self.add(Edge {
                            child: this,
                            parent,
                            stated_by: this,
                            line: dependency.line,
                        });
                    }
                }
                if !is_internal {
                    for dependency in &migration.run_before {
                        if let Some(child) = self.resolve(index, dependency) {
                            self.add(Edge {
                                child,
                                parent: this,
                                stated_by: this,
                                line: dependency.line,
                            });
                        }
                    }
                }
            }
        }
    }

    fn is_internal(&self, from: usize, dependency: &Dependency) -> bool {
        matches!(&dependency.target, Target::Migration { app, .. } if *app == self.project.apps[from].label.text)
    }

    /// The node that a dependency means. None: an app that is not in the workspace, or nothing to wait for.
    fn resolve(&mut self, from: usize, dependency: &'a Dependency) -> Option<NodeId> {
        match &dependency.target {
            Target::Migration { app, name } => {
                let app = self.app_with(from, app, Some(name))?;
                Some(self.ensure(app, name))
            }
            // Django ignores `__first__` of the app itself.
            Target::First { app } => {
                let app = self.app_with(from, app, None).filter(|app| *app != from)?;
                self.roots(app).first().copied()
            }
            Target::Latest { app } => {
                let app = self.app_with(from, app, None).filter(|app| *app != from)?;
                self.leaves(app).first().copied()
            }
            Target::Swappable { .. } => None,
        }
    }

    /// The app that a label means to another app: itself, else the nearest one that has the migration, else the nearest.
    fn app_with(&self, from: usize, label: &'a str, name: Option<&str>) -> Option<usize> {
        let mut apps: Vec<usize> = self.project.apps_labelled(label).map(|(index, _)| index).collect();
        let nearness = |index: usize| {
            let (near, far) = (&self.project.apps[from].path, &self.project.apps[index].path);
            near.split('/').zip(far.split('/')).take_while(|(a, b)| a == b).count()
        };
        apps.sort_by_key(|index| (*index != from, std::cmp::Reverse(nearness(*index))));
        let Some(name) = name else { return apps.first().copied() };
        if let Some(found) = apps.iter().find(|index| self.is_known(**index, name)) {
            return Some(*found);
        }
        // No file has it. That is an error only if this is surely the app that is meant.
        apps.into_iter().find(|index| {
            let app = &self.project.apps[*index];
            *index == from || (app.label.is_certain && !DJANGO_LABELS.contains(&label))
        })
    }

    /// True if a file has the migration, or a squashed one replaces it.
    fn is_known(&self, app: usize, name: &str) -> bool {
        let app = &self.project.apps[app];
        let replaced = || app.migrations.iter().flat_map(|migration| &migration.replaces);
        app.has(name) || replaced().any(|replaced| replaced.app == app.label.text && replaced.name == name)
    }

    fn ensure(&mut self, app: usize, name: &'a str) -> NodeId {
        let next = NodeId(self.nodes.len());
        let id = *self.by_name.entry((app, name)).or_insert(next);
        if id == next {
            self.nodes.push(Node {
                app,
                name,
                migration: None,
                exists: false,
                is_replaced: false,
                parents: BTreeSet::new(),
                children: BTreeSet::new(),
            });
        }
        id
    }

    fn add(&mut self, edge: Edge) {
        self.nodes[edge.child.0].parents.insert(edge.parent);
        self.nodes[edge.parent.0].children.insert(edge.child);
        self.edges.push(edge);
    }

    fn put_squashed_in_place(&mut self) {
        let mut waiting: Vec<NodeId> = (0..self.nodes.len()).map(NodeId).collect();
        waiting.retain(|id| {
            self.nodes[id.0]
                .migration
                .is_some_and(|migration| !migration.replaces.is_empty())
        });
        let replaced: HashMap<NodeId, Vec<NodeId>> = waiting.iter().map(|id| (*id, self.replaced_by(*id))).collect();
        // A squashed migration that is squashed again goes first, so that what it took over is handed on.
        let mut done: HashSet<NodeId> = HashSet::new();
        while !waiting.is_empty() {
            let is_ready = |id: &NodeId| {
                replaced[id]
                    .iter()
                    .all(|old| !replaced.contains_key(old) || done.contains(old))
            };
            let at = waiting.iter().position(is_ready).unwrap_or(0);
            let squashed = waiting.remove(at);
            self.replace(squashed, &replaced[&squashed]);
            done.insert(squashed);
        }
    }

    fn replaced_by(&self, squashed: NodeId) -> Vec<NodeId> {
        let node = &self.nodes[squashed.0];
        let replaces = node
            .migration
            .map(|migration| migration.replaces.as_slice())
            .unwrap_or_default();
        let find = |app: &str, name: &'a str| {
            let mut apps = self
                .project
                .apps_labelled(app)
                .map(|(index, _)| index)
                .collect::<Vec<_>>();
            apps.sort_by_key(|index| *index != node.app);
            apps.into_iter()
                .find_map(|index| self.by_name.get(&(index, name)).copied())
        };
        replaces
            .iter()
            .filter_map(|old| find(&old.app, &old.name))
            .filter(|old| *old != squashed)
            .collect()
    }

    fn replace(&mut self, squashed: NodeId, replaced: &[NodeId]) {
        for old in replaced {
            let parents = std::mem::take(&mut self.nodes[old.0].parents);
            let children = std::mem::take(&mut self.nodes[old.0].children);
            self.nodes[old.0].is_replaced = true;
            for parent in parents {
                self.nodes[parent.0].children.remove(old);
                if parent != squashed && !replaced.contains(&parent) {
                    self.nodes[parent.0].children.insert(squashed);
                    self.nodes[squashed.0].parents.insert(parent);
                }
            }
            for child in children {
                self.nodes[child.0].parents.remove(old);
                if child != squashed && !replaced.contains(&child) {
                    self.nodes[child.0].parents.insert(squashed);
                    self.nodes[squashed.0].children.insert(child);
                }
            }
        }
    }
}
