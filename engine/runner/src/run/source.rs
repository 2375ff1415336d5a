//! What a stage may know of the repository: nothing, unless it was granted.

use tidegate_sandbox::{Change, SourceError};

use crate::Host;
use crate::git::Git;
use crate::plan::{Grant, Plan, SourceState};

/// None when it was not granted: the sandbox that asks is not trusted to have checked it.
pub(super) struct StageSource(Option<(Git, SourceState)>);

impl StageSource {
    pub(super) fn new(plan: &Plan, grant: &Grant, host: &Host) -> Self {
        Self(
            grant
                .source
                .then(|| (Git::new(&plan.workspace, host), plan.source.clone())),
        )
    }

    /// What is known since the plan was made.
    pub(super) fn state(&self) -> SourceState {
        self.0.as_ref().map(|(_, state)| state.clone()).unwrap_or_default()
    }

    pub(super) async fn changed_since(&self, base: Option<&str>) -> Result<Vec<Change>, SourceError> {
        match &self.0 {
            Some((git, _)) => git.changed_since(base).await,
            None => Err(SourceError::NotGranted("the repository; see grant.source".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn source(granted: bool, workspace: PathBuf) -> StageSource {
        let state = SourceState {
            commit: Some("c".into()),
            branch: Some("main".into()),
            tag: Some("v1".into()),
        };
        let plan = Plan {
            workspace,
            source: state,
            ..Plan::default()
        };
        let grant = Grant {
            source: granted,
            ..Grant::default()
        };
        let host = Host::bare();
        StageSource::new(&plan, &grant, &host)
    }

    #[tokio::test]
    async fn what_is_not_granted_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(false, folder.path().into());
        assert_eq!(source.state(), SourceState::default());
        let error = SourceError::NotGranted("the repository; see grant.source".into());
        assert_eq!(source.changed_since(None).await, Err(error));
    }

    #[tokio::test]
    async fn what_is_granted_is_that_of_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let source = source(true, folder.path().into());
        assert_eq!(source.state().branch.as_deref(), Some("main"));
        assert_eq!(source.changed_since(None).await, Err(SourceError::NotARepository));
    }
}
