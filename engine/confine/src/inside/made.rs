//! The steps by which a helper makes a Cell around itself.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use rustix::process::DumpableBehavior;

use super::ahead::Ahead;
use super::gate::{Filter, Policy};
use super::grants::Grants;
use super::held::Holding;
use super::sources::Sources;
use super::walls::Walls;
use super::watcher::Watcher;
use super::{file_system, namespaces, sockets};
use crate::failure::{During, Failure, Step};
use crate::ids::Ids;
use crate::layers::Layer;
use crate::spec::{CellSpec, Level};
use crate::wire::Started;

/// A Cell that this process has made around itself.
pub(super) struct Made {
    pub(super) holding: Holding,
    pub(super) started: Started,
    pub(super) handed_over: Vec<OwnedFd>,
    pub(super) walls: Walls,
    pub(super) policy: Option<Policy>,
    pub(super) watcher: Watcher,
}

impl Made {
    pub(super) fn new(spec: &CellSpec, ahead: Ahead) -> Result<Self, Failure> {
        let mut holding = Holding::new(spec).during(Step::Helper, "can't find out how much memory the machine has")?;
        let prepared = prepare(spec, ahead)?;
        if matches!(prepared.ids, Ids::Own(_)) {
            holding.programs_have_an_own_id();
        }
        let mut handed_over = prepared.views;
        let views = handed_over.len();
        let mut listeners = Vec::new();
        if spec.level == Level::Full && spec.layers.has(Layer::NetworkNamespace) {
            let (sockets, made) = sockets::open(spec)?;
            handed_over.extend(sockets);
            listeners = made;
        }
        let watcher = Watcher::new(spec, holding.limits).during(Step::Helper, "can't watch what programs take")?;
        if spec.level != Level::Unconfined {
            // Nobody but this process reads its memory, which will hold the programs' environments.
            rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
                .during(Step::Identity, "can't become undumpable")?;
        }
        Ok(Self {
            started: Started {
                ids: prepared.ids,
                limits: holding.limits,
                views,
                listeners,
                hidden: prepared.hidden,
            },
            walls: prepared.walls,
            policy: prepared.policy,
            watcher,
            holding,
            handed_over,
        })
    }
}

struct Prepared {
    ids: Ids,
    /// The View's descriptors.
    views: Vec<OwnedFd>,
    walls: Walls,
    policy: Option<Policy>,
    /// What the View has to refuse by itself.
    hidden: Vec<OsString>,
}

/// Makes the Cell around this process.
fn prepare(spec: &CellSpec, ahead: Ahead) -> Result<Prepared, Failure> {
    match spec.level {
        Level::Full => prepare_mounts(spec, ahead),
        Level::Degraded => prepare_without_mounts(spec, ahead),
        Level::Unconfined => {
            drop(ahead);
            become_subreaper()?;
            Ok(Prepared {
                ids: engine_s_ids("programs are not confined"),
                views: Sources::collect(spec, None)?.into_descriptors(),
                walls: Walls::none(),
                policy: None,
                hidden: Vec::new(),
            })
        }
    }
}

fn engine_s_ids(why: &str) -> Ids {
    if rustix::process::geteuid().is_root() {
        Ids::Root { why: why.to_owned() }
    } else {
        Ids::Engine
    }
}

fn become_subreaper() -> Result<(), Failure> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .during(Step::Helper, "can't become a subreaper")
}

fn prepare_without_mounts(spec: &CellSpec, ahead: Ahead) -> Result<Prepared, Failure> {
    // What is below this process from here on are programs.
    drop(ahead);
    become_subreaper()?;
    namespaces::leave_user()?;
    let mut sources = Sources::collect(spec, None)?;
    sources.masks = sources
        .masks
        .with_targets(&spec.workspace)
        .during(Step::Masks, "can't find what hidden links lead to")?;
    let grants = Grants::collect(spec, &sources)?;
    let policy =
        Policy::without_mounts(spec, grants.apart).during(Step::Spec, "can't look at what programs may connect to")?;
    Ok(Prepared {
        ids: engine_s_ids("the degraded level has no ids of its own"),
        hidden: sources.masks.0.iter().map(|mask| mask.clone().into()).collect(),
        views: sources.into_descriptors(),
        walls: Walls::alone(spec, grants.rules, Filter::new(&policy, spec.layers))?,
        policy: Some(policy),
    })
}

fn prepare_mounts(spec: &CellSpec, ahead: Ahead) -> Result<Prepared, Failure> {
    // The rooms are let go of at the end: their processes take some time to end.
    let (ids, sources, _rooms) = ahead.enter(spec)?;
    let views = if spec.layers.has(Layer::Mounts) {
        file_system::build(spec, sources)?
    } else {
        sources.into_descriptors()
    };
    let policy = Policy::behind_mounts(spec).during(Step::Spec, "can't look at what programs may connect to")?;
    Ok(Prepared {
        ids,
        views,
        walls: Walls::behind_mounts(spec, Filter::new(&policy, spec.layers))?,
        policy: Some(policy),
        hidden: Vec::new(),
    })
}
