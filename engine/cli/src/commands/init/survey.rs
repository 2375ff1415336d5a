//! What `init` found out about a project.

use std::path::Path;

use super::branch::Branch;
use super::django::Django;
use super::packages::Packages;
use super::programs::Programs;
use super::test_runner::TestRunner;
use super::tree::Tree;

pub(super) struct Survey {
    pub(super) django: Django,
    pub(super) packages: Packages,
    pub(super) tests: TestRunner,
    pub(super) programs: Programs,
    pub(super) branch: Branch,
    /// The project has more files than were looked at.
    pub(super) is_cut: bool,
}

impl Survey {
    /// `root` is absolute; `path` is the engine's PATH. Nothing of the project is run. `None` without a manage.py.
    pub(super) fn of(root: &Path, path: &str) -> Option<Self> {
        let tree = Tree::read(root);
        let django = Django::find(&tree)?;
        let packages = Packages::find(&tree, &django.folder);
        Some(Self {
            tests: TestRunner::find(&tree, &django.folder, &packages),
            programs: Programs::find(&tree, path),
            branch: Branch::find(tree.root()),
            is_cut: tree.is_cut,
            django,
            packages,
        })
    }

    /// The settings module that the stages are told, where one is known.
    pub(super) fn settings(&self) -> Option<&str> {
        let of_tests = match &self.tests {
            TestRunner::Pytest {
                settings: Some((module, _)),
                ..
            } => Some(module.as_str()),
            _ => None,
        };
        self.django
            .settings
            .as_ref()
            .map(|settings| settings.module.as_str())
            .or(of_tests)
    }

    /// Installed by uv: there is a lock that only uv can read, and uv.
    pub(super) fn installs_with_uv(&self) -> bool {
        self.programs.has_uv && (self.packages.has_lock || self.packages.has_uv)
    }

    /// Tests run under pytest, which nothing installs.
    pub(super) fn lacks_pytest(&self) -> bool {
        matches!(self.tests, TestRunner::Pytest { .. }) && !self.packages.has_pytest
    }
}
