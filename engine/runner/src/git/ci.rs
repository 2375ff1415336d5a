//! What CI systems say of the commit that they checked out, each in variables of its own. Most check out no branch, and some
//! check out a pull request on a branch that has the name of its base.

use crate::Host;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CiBuild {
    pub(super) of: Subject,
    commit: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Branch(String),
    /// With the branch that it is for, where the system says it. Its own branch is somebody else's to name.
    PullRequest(Option<String>),
    Tag,
    /// Neither is said.
    Unknown,
}

impl CiBuild {
    pub(super) fn of(host: &Host) -> Option<Self> {
        let vars = Vars(host);
        let systems = [
            github, gitlab, azure, circle, woodpecker, drone, jenkins, travis, bitbucket,
        ];
        systems.iter().find_map(|system| system(vars))
    }

    /// The branch that is built. `current` is the one that is checked out. What the system says is believed of the commit
    /// that it says it of: a job can check out another one, a pull request's, and keep the variables of the main branch.
    pub(super) fn branch(&self, current: Option<String>, head: Option<&str>) -> Option<String> {
        match &self.of {
            Subject::PullRequest(_) | Subject::Tag => None,
            Subject::Unknown => current,
            Subject::Branch(name) => current.or_else(|| {
                let is_of_head = match (&self.commit, head) {
                    (Some(commit), Some(head)) => head == commit,
                    _ => true,
                };
                is_of_head.then(|| name.clone())
            }),
        }
    }

    /// The branch that the pull request is for.
    pub(super) fn base(&self) -> Option<&str> {
        match &self.of {
            Subject::PullRequest(base) => base.as_deref(),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Vars<'a>(&'a Host);

impl<'a> Vars<'a> {
    /// Empty is unset.
    fn get(self, name: &str) -> Option<&'a str> {
        self.0.var(name).filter(|value| !value.is_empty())
    }

    fn is(self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    /// Some when one of them is set.
    fn any(self, names: &[&str]) -> Option<()> {
        names.iter().any(|name| self.get(name).is_some()).then_some(())
    }

    fn build(self, of: Subject, commit: &str) -> Option<CiBuild> {
        let commit = self.get(commit).map(str::to_owned);
        Some(CiBuild { of, commit })
    }

    fn pull_request(self, base: &[&str]) -> Subject {
        let base = base.iter().find_map(|name| self.get(name));
        Subject::PullRequest(base.map(|base| base.strip_prefix("refs/heads/").unwrap_or(base).to_owned()))
    }

    fn branch(self, name: &str) -> Subject {
        match self.get(name) {
            Some(branch) => Subject::Branch(branch.to_owned()),
            None => Subject::Unknown,
        }
    }
}

/// A whole name: `refs/heads/main`, `refs/tags/v1`. What is neither is somebody's change: `refs/pull/1/merge`.
fn of_ref(name: &str) -> Subject {
    match name.strip_prefix("refs/").and_then(|name| name.split_once('/')) {
        Some(("heads", branch)) => Subject::Branch(branch.to_owned()),
        Some(("tags", _)) => Subject::Tag,
        Some(_) => Subject::PullRequest(None),
        None => Subject::Unknown,
    }
}

/// GitHub Actions, and those that imitate them. `pull_request_target` has the base's ref, but a head of the request.
fn github(vars: Vars<'_>) -> Option<CiBuild> {
    let name = vars.get("GITHUB_REF")?;
    let event = vars.get("GITHUB_EVENT_NAME").unwrap_or_default();
    let of = match of_ref(name) {
        _ if vars.get("GITHUB_HEAD_REF").is_some() || event.starts_with("pull_request") => {
            vars.pull_request(&["GITHUB_BASE_REF"])
        }
        Subject::PullRequest(_) => vars.pull_request(&["GITHUB_BASE_REF"]),
        _ if vars.is("GITHUB_REF_TYPE", "tag") => Subject::Tag,
        of => of,
    };
    vars.build(of, "GITHUB_SHA")
}

fn gitlab(vars: Vars<'_>) -> Option<CiBuild> {
    vars.any(&["GITLAB_CI", "CI_PIPELINE_SOURCE"])?;
    let source = vars.get("CI_PIPELINE_SOURCE").unwrap_or_default();
    let request = ["CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"];
    let of = if matches!(source, "merge_request_event" | "external_pull_request_event") || vars.any(&request).is_some()
    {
        vars.pull_request(&[
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
            "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME",
        ])
    } else if vars.get("CI_COMMIT_TAG").is_some() {
        Subject::Tag
    } else {
        vars.branch("CI_COMMIT_BRANCH")
    };
    vars.build(of, "CI_COMMIT_SHA")
}

/// BUILD_SOURCEBRANCHNAME is only the last part: `x` of `feature/x`, `merge` of `refs/pull/1/merge`.
fn azure(vars: Vars<'_>) -> Option<CiBuild> {
    let of = match of_ref(vars.get("BUILD_SOURCEBRANCH")?) {
        of if vars.is("BUILD_REASON", "PullRequest") || matches!(of, Subject::PullRequest(_)) => {
            vars.pull_request(&["SYSTEM_PULLREQUEST_TARGETBRANCH"])
        }
        of => of,
    };
    vars.build(of, "BUILD_SOURCEVERSION")
}

/// The branch of a fork's pull request is `pull/` and its number.
fn circle(vars: Vars<'_>) -> Option<CiBuild> {
    vars.any(&["CIRCLECI", "CIRCLE_SHA1"])?;
    let branch = vars.get("CIRCLE_BRANCH").unwrap_or_default();
    let of = if vars.get("CIRCLE_PR_NUMBER").is_some() || branch.starts_with("pull/") {
        Subject::PullRequest(None)
    } else if vars.get("CIRCLE_TAG").is_some() {
        Subject::Tag
    } else {
        vars.branch("CIRCLE_BRANCH")
    };
    vars.build(of, "CIRCLE_SHA1")
}

/// In a pull request CI_COMMIT_BRANCH is the branch that it is for. Before 1.0 the event had another name.
fn woodpecker(vars: Vars<'_>) -> Option<CiBuild> {
    let event = vars.get("CI_PIPELINE_EVENT").or_else(|| vars.get("CI_BUILD_EVENT"))?;
    let of = by_event(
        vars,
        event,
        ["CI_COMMIT_REF", "CI_COMMIT_BRANCH", "CI_COMMIT_TARGET_BRANCH"],
    );
    vars.build(of, "CI_COMMIT_SHA")
}

/// Like Woodpecker, which came from it.
fn drone(vars: Vars<'_>) -> Option<CiBuild> {
    let event = vars.get("DRONE_BUILD_EVENT")?;
    let of = by_event(vars, event, ["DRONE_COMMIT_REF", "DRONE_BRANCH", "DRONE_TARGET_BRANCH"]);
    vars.build(of, "DRONE_COMMIT_SHA")
}

fn by_event(vars: Vars<'_>, event: &str, [name, branch, target]: [&str; 3]) -> Subject {
    // A deployment and a scheduled run may be of anything; the ref says of what.
    let of = vars.get(name).map(of_ref);
    if event.starts_with("pull_request") || matches!(of, Some(Subject::PullRequest(_))) {
        return vars.pull_request(&[target, branch]);
    }
    if matches!(event, "tag" | "release") || of == Some(Subject::Tag) {
        return Subject::Tag;
    }
    vars.branch(branch)
}

/// Variables of multibranch projects. BRANCH_NAME is also the name of a tag, and that of a change, which anybody can choose.
fn jenkins(vars: Vars<'_>) -> Option<CiBuild> {
    vars.any(&["JENKINS_URL"])?;
    let of = if vars.any(&["CHANGE_ID", "CHANGE_TARGET"]).is_some() {
        vars.pull_request(&["CHANGE_TARGET"])
    } else if vars.get("TAG_NAME").is_some() {
        Subject::Tag
    } else {
        vars.branch("BRANCH_NAME")
    };
    vars.build(of, "GIT_COMMIT")
}

/// TRAVIS_BRANCH is the branch, the branch that a pull request is for, or the tag.
fn travis(vars: Vars<'_>) -> Option<CiBuild> {
    vars.any(&["TRAVIS"])?;
    let of = if vars.get("TRAVIS_PULL_REQUEST").is_some_and(|number| number != "false") {
        vars.pull_request(&["TRAVIS_BRANCH"])
    } else if vars.get("TRAVIS_TAG").is_some() {
        Subject::Tag
    } else {
        vars.branch("TRAVIS_BRANCH")
    };
    vars.build(of, "TRAVIS_COMMIT")
}

/// BITBUCKET_BRANCH is the source in a pull request.
fn bitbucket(vars: Vars<'_>) -> Option<CiBuild> {
    vars.any(&["BITBUCKET_BUILD_NUMBER", "BITBUCKET_COMMIT"])?;
    let of = if vars.get("BITBUCKET_PR_ID").is_some() {
        vars.pull_request(&["BITBUCKET_PR_DESTINATION_BRANCH"])
    } else if vars.get("BITBUCKET_TAG").is_some() {
        Subject::Tag
    } else {
        vars.branch("BITBUCKET_BRANCH")
    };
    vars.build(of, "BITBUCKET_COMMIT")
}

#[cfg(test)]
mod tests {

    use super::*;

    /// Variables as one would write them before a command.
    fn build(text: &str) -> CiBuild {
        let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        let host = Host {
            env: pairs.map(|(name, value)| (name.into(), value.into())).collect(),
            ..Host::bare()
        };
        CiBuild::of(&host).unwrap_or_else(|| panic!("no CI system: {text}"))
    }

    #[test]
    fn a_branch_is_the_one_that_is_built() {
        for text in [
            "GITHUB_REF=refs/heads/topic/x GITHUB_REF_NAME=topic/x GITHUB_REF_TYPE=branch GITHUB_HEAD_REF= GITHUB_BASE_REF=",
            "GITLAB_CI=true CI_PIPELINE_SOURCE=push CI_COMMIT_BRANCH=topic/x CI_OPEN_MERGE_REQUESTS=a/b!1",
            "BUILD_SOURCEBRANCH=refs/heads/topic/x BUILD_SOURCEBRANCHNAME=x BUILD_REASON=IndividualCI",
            "CIRCLECI=true CIRCLE_BRANCH=topic/x CIRCLE_PULL_REQUEST=https://forge.example/pull/1",
            "CI=woodpecker CI_PIPELINE_EVENT=push CI_COMMIT_REF=refs/heads/topic/x CI_COMMIT_BRANCH=topic/x",
            "CI=woodpecker CI_PIPELINE_EVENT=cron CI_COMMIT_BRANCH=topic/x",
            "DRONE_BUILD_EVENT=push DRONE_COMMIT_REF=refs/heads/topic/x DRONE_BRANCH=topic/x",
            "JENKINS_URL=https://ci.example BRANCH_NAME=topic/x",
            "TRAVIS=true TRAVIS_PULL_REQUEST=false TRAVIS_TAG= TRAVIS_BRANCH=topic/x",
            "BITBUCKET_BUILD_NUMBER=1 BITBUCKET_BRANCH=topic/x",
        ] {
            let build = build(text);
            assert_eq!(build.of, Subject::Branch("topic/x".into()), "{text}");
            assert_eq!(build.branch(None, Some("c")).as_deref(), Some("topic/x"), "{text}");
        }
    }

    /// Every one of them says `main` somewhere: the base's name, or the name that a fork gave to its branch.
    #[test]
    fn a_pull_request_has_a_base_and_no_branch() {
        let github = "GITHUB_HEAD_REF=main GITHUB_BASE_REF=base";
        for text in [
            &format!("{github} GITHUB_EVENT_NAME=pull_request GITHUB_REF=refs/pull/1/merge GITHUB_REF_NAME=1/merge"),
            &format!("{github} GITHUB_EVENT_NAME=pull_request_target GITHUB_REF=refs/heads/main GITHUB_REF_NAME=main"),
            "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_REF_NAME=main \
             CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=main CI_MERGE_REQUEST_TARGET_BRANCH_NAME=base",
            "GITLAB_CI=true CI_PIPELINE_SOURCE=external_pull_request_event CI_COMMIT_BRANCH=main \
             CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME=base",
            "BUILD_SOURCEBRANCH=refs/pull/1/main BUILD_SOURCEBRANCHNAME=main BUILD_REASON=PullRequest \
             SYSTEM_PULLREQUEST_SOURCEBRANCH=refs/heads/main SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/base",
            "BUILD_SOURCEBRANCH=refs/heads/main BUILD_REASON=PullRequest SYSTEM_PULLREQUEST_TARGETBRANCH=base",
            "CI=woodpecker CI_PIPELINE_EVENT=pull_request CI_COMMIT_REF=refs/pull/1/head CI_COMMIT_BRANCH=base \
             CI_COMMIT_SOURCE_BRANCH=main CI_COMMIT_TARGET_BRANCH=base",
            "CI=woodpecker CI_PIPELINE_EVENT=deployment CI_COMMIT_REF=refs/pull/1/head CI_COMMIT_BRANCH=base",
            "CI=woodpecker CI_BUILD_EVENT=pull_request CI_COMMIT_BRANCH=base CI_COMMIT_SOURCE_BRANCH=main",
            "DRONE_BUILD_EVENT=pull_request DRONE_BRANCH=base DRONE_SOURCE_BRANCH=main DRONE_TARGET_BRANCH=base",
            "JENKINS_URL=https://ci.example BRANCH_NAME=main CHANGE_ID=1 CHANGE_BRANCH=main CHANGE_TARGET=base",
            "TRAVIS=true TRAVIS_PULL_REQUEST=1 TRAVIS_PULL_REQUEST_BRANCH=main TRAVIS_BRANCH=base",
            "BITBUCKET_BUILD_NUMBER=1 BITBUCKET_PR_ID=1 BITBUCKET_BRANCH=main BITBUCKET_PR_DESTINATION_BRANCH=base",
        ] {
            let build = build(text);
            assert_eq!(build.base(), Some("base"), "{text}");
            assert_eq!(build.branch(None, Some("c")), None, "{text}");
            assert_eq!(build.branch(Some("main".into()), Some("c")), None, "{text}");
        }
        let circle = build("CIRCLECI=true CIRCLE_BRANCH=pull/1");
        assert_eq!(circle.of, Subject::PullRequest(None));
    }

    #[test]
    fn a_tag_is_no_branch() {
        for text in [
            "GITHUB_REF=refs/tags/main GITHUB_REF_NAME=main GITHUB_REF_TYPE=tag",
            "GITLAB_CI=true CI_PIPELINE_SOURCE=push CI_COMMIT_TAG=main CI_COMMIT_REF_NAME=main",
            "BUILD_SOURCEBRANCH=refs/tags/main BUILD_SOURCEBRANCHNAME=main",
            "CIRCLECI=true CIRCLE_TAG=main",
            "CI=woodpecker CI_PIPELINE_EVENT=tag CI_COMMIT_TAG=main CI_COMMIT_BRANCH=main",
            "CI=woodpecker CI_PIPELINE_EVENT=release CI_COMMIT_BRANCH=main",
            "DRONE_BUILD_EVENT=promote DRONE_COMMIT_REF=refs/tags/main DRONE_BRANCH=main",
            "JENKINS_URL=https://ci.example BRANCH_NAME=main TAG_NAME=main",
            "TRAVIS=true TRAVIS_PULL_REQUEST=false TRAVIS_BRANCH=main TRAVIS_TAG=main",
            "BITBUCKET_BUILD_NUMBER=1 BITBUCKET_TAG=main",
        ] {
            let build = build(text);
            assert_eq!(build.of, Subject::Tag, "{text}");
            assert_eq!(build.branch(Some("main".into()), Some("c")), None, "{text}");
        }
    }

    #[test]
    fn another_commit_is_not_of_the_branch() {
        for (commit, text) in [
            (
                "GITHUB_SHA",
                "GITHUB_REF=refs/heads/main GITHUB_EVENT_NAME=workflow_run",
            ),
            ("CI_COMMIT_SHA", "CI_PIPELINE_SOURCE=push CI_COMMIT_BRANCH=main"),
            ("BUILD_SOURCEVERSION", "BUILD_SOURCEBRANCH=refs/heads/main"),
            ("CIRCLE_SHA1", "CIRCLE_BRANCH=main"),
            ("CI_COMMIT_SHA", "CI_PIPELINE_EVENT=push CI_COMMIT_BRANCH=main"),
            ("DRONE_COMMIT_SHA", "DRONE_BUILD_EVENT=push DRONE_BRANCH=main"),
            ("GIT_COMMIT", "JENKINS_URL=https://ci.example BRANCH_NAME=main"),
            ("TRAVIS_COMMIT", "TRAVIS=true TRAVIS_BRANCH=main"),
            ("BITBUCKET_COMMIT", "BITBUCKET_BRANCH=main"),
        ] {
            let build = build(&format!("{text} {commit}=c1"));
            assert_eq!(build.branch(None, Some("c2")), None, "{text}");
            assert_eq!(build.branch(None, Some("c1")).as_deref(), Some("main"), "{text}");
            // What is checked out is seen, and not said.
            assert_eq!(
                build.branch(Some("other".into()), Some("c2")).as_deref(),
                Some("other"),
                "{text}"
            );
        }
    }
}
