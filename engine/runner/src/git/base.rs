//! The commit that changes are counted from.

use tidegate_sandbox::SourceError;

use super::repository::Repository;

const BRANCHES: &str = "refs/heads/";
const REMOTE_BRANCHES: &str = "refs/remotes/origin/";

impl Repository<'_> {
    /// The last commit that HEAD and a base have in common.
    pub(super) async fn merge_base(&self, base: &str) -> Result<String, SourceError> {
        if base.starts_with('-') || self.commit(base).await.is_none() {
            return Err(self.without_history(base).await);
        }
        match self.line(&["merge-base", "--end-of-options", base, "HEAD"]).await {
            Some(commit) => Ok(commit),
            None => Err(self.without_history(base).await),
        }
    }

    /// The merge base with the branch that a pull request is for.
    pub(super) async fn pull_request_base(&self, name: &str) -> Result<String, SourceError> {
        let current = self.current().await.map_err(SourceError::Other)?;
        for prefix in [REMOTE_BRANCHES, BRANCHES] {
            let candidate = format!("{prefix}{name}");
            // Some CI systems check the change out on a branch that has the base's name.
            if current.as_deref() != Some(&candidate) && self.commit(&candidate).await.is_some() {
                return self.merge_base(&candidate).await;
            }
        }
        Err(SourceError::Shallow(format!(
            "`{name}`, which the pull request is for, is not in this clone; fetch it (`git fetch origin \
             {name}:refs/remotes/origin/{name}`) with a full history (on GitHub: `fetch-depth: 0`)"
        )))
    }

    /// On a branch: the merge base with the default branch; on the default branch itself: the commit before.
    pub(super) async fn default_base(&self) -> Result<String, SourceError> {
        let current = self.current().await.map_err(SourceError::Other)?;
        let remote_head = self
            .answer(&["symbolic-ref", "--quiet", &format!("{REMOTE_BRANCHES}HEAD")])
            .await
            .map_err(SourceError::Other)?;
        let usual = [REMOTE_BRANCHES, BRANCHES].map(|prefix| ["main", "master"].map(|name| format!("{prefix}{name}")));
        for candidate in remote_head.into_iter().chain(usual.into_iter().flatten()) {
            let Some(commit) = self.commit(&candidate).await else {
                continue;
            };
            let is_current = current
                .as_deref()
                .is_some_and(|current| short(current) == short(&candidate));
            if is_current || self.commit("HEAD").await.as_deref() == Some(&commit) {
                return match self.commit("HEAD~1").await {
                    Some(parent) => Ok(parent),
                    None => Err(self.without_history("the commit before HEAD").await),
                };
            }
            return self.merge_base(&candidate).await;
        }
        Err(SourceError::UnknownBase(
            "there is neither origin/HEAD nor a branch `main` or `master`".into(),
        ))
    }

    async fn without_history(&self, base: &str) -> SourceError {
        let base = base.strip_prefix("refs/remotes/").unwrap_or(base);
        if self.line(&["rev-parse", "--is-shallow-repository"]).await.as_deref() == Some("true") {
            return SourceError::Shallow(format!(
                "`{base}`, or where HEAD branched off it, is not in this shallow clone; fetch with a full history (on \
                 GitHub: `fetch-depth: 0`)"
            ));
        }
        SourceError::UnknownBase(base.into())
    }
}

/// A branch's own name, of this clone or of the remote.
fn short(name: &str) -> &str {
    let local = name.strip_prefix(BRANCHES);
    local.or_else(|| name.strip_prefix(REMOTE_BRANCHES)).unwrap_or(name)
}
