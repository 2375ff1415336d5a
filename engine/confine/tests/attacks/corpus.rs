//! All attacks, tried in every way.

use std::fmt::Write;

use tidegate_confine::Level;

use crate::arena::Place;
use crate::attack::{Attack, Degraded, Outcome, Plain};
use crate::{
    bombs, ends, files, forwards, inherited, ipc, kernel, links, masks, namespaces, privileges, proc, processes, races,
    sockets, unix_sockets,
};

/// A file of this folder, and its attacks.
pub(crate) const FAMILIES: [(&str, &[Attack]); 16] = [
    ("files", files::ATTACKS),
    ("links", links::ATTACKS),
    ("proc", proc::ATTACKS),
    ("processes", processes::ATTACKS),
    ("sockets", sockets::ATTACKS),
    ("unix_sockets", unix_sockets::ATTACKS),
    ("forwards", forwards::ATTACKS),
    ("namespaces", namespaces::ATTACKS),
    ("kernel", kernel::ATTACKS),
    ("ipc", ipc::ATTACKS),
    ("privileges", privileges::ATTACKS),
    ("masks", masks::ATTACKS),
    ("races", races::ATTACKS),
    ("ends", ends::ATTACKS),
    ("inherited", inherited::ATTACKS),
    ("bombs", bombs::ATTACKS),
];

pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    FAMILIES.iter().flat_map(|(_, attacks)| attacks.iter())
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn in_a_cell_every_attack_is_stopped() {
    let attacks: Vec<_> = all().collect();
    let outcomes = Place::cell(|_| {}).try_all(&attacks);
    let mut wrong = String::new();
    for (attack, outcome) in attacks.iter().zip(outcomes) {
        let expected = match outcome {
            Outcome::Stopped(_) => attack.open.is_none(),
            Outcome::Breached(_) => attack.open.is_some(),
            Outcome::NotAttempted(_) => false,
        };
        println!("{}: {outcome:?}", attack.name);
        if !expected {
            let _ = writeln!(wrong, "{}: {outcome:?}", attack.name);
        }
    }
    assert_eq!(wrong, "");
}

/// What its documentation says does not hold there succeeds, and nothing else does.
#[test]
fn at_the_degraded_level_they_are_stopped_but_for_those_that_are_said_to_succeed() {
    let attacks: Vec<_> = all()
        .filter(|attack| attack.at_degraded() != Degraded::NotTried)
        .collect();
    let outcomes = Place::cell(|spec| spec.level = Level::Degraded).try_all(&attacks);
    let mut wrong = String::new();
    for (attack, outcome) in attacks.iter().zip(outcomes) {
        let succeeds = attack.at_degraded() == Degraded::Succeeds;
        let expected = match outcome {
            Outcome::Stopped(_) => !succeeds || !is_root(),
            Outcome::Breached(_) => succeeds,
            Outcome::NotAttempted(_) => false,
        };
        if !expected {
            let _ = writeln!(wrong, "{}: {outcome:?}", attack.name);
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn without_a_cell_they_succeed() {
    let harmless = |attack: &&Attack| match attack.plain {
        Plain::Succeeds => true,
        Plain::SucceedsAsRoot => is_root(),
        Plain::Never => false,
    };
    let attacks: Vec<_> = all().filter(harmless).collect();
    let outcomes = Place::plain().try_all(&attacks);
    let mut wrong = String::new();
    for (attack, outcome) in attacks.iter().zip(outcomes) {
        match (&outcome, attack.needs) {
            (Outcome::Breached(_), _) => {}
            (Outcome::Stopped(_), Some(what)) => {
                eprintln!("skipped: {}: this kernel lacks {what}: {outcome:?}", attack.name)
            }
            _ => {
                let _ = writeln!(wrong, "{}: {outcome:?}", attack.name);
            }
        }
    }
    assert_eq!(wrong, "");
}

/// An attack that succeeds without one layer is said to have that layer alone, and one that is said to have it alone succeeds.
/// A release has no way to leave one out.
#[cfg(debug_assertions)]
#[test]
fn with_one_layer_off_the_others_stop_them() {
    let attacks: Vec<_> = all().filter(|attack| attack.swept && attack.open.is_none()).collect();
    let mut wrong = String::new();
    for off in crate::wall::OFF {
        let outcomes = Place::cell(|spec| off.change(spec)).try_all(&attacks);
        for (attack, outcome) in attacks.iter().zip(outcomes) {
            let must_fall = attack.falls_without(off);
            // As root, programs have an id that owns nothing on the host: one layer more.
            let may_stand = attack.needs.is_some() || attack.plain != Plain::Succeeds || is_root();
            let expected = match outcome {
                Outcome::Breached(_) => must_fall,
                Outcome::Stopped(_) => !must_fall || may_stand,
                Outcome::NotAttempted(_) => false,
            };
            if must_fall || !expected {
                println!("without {}: {}: {outcome:?}", off.name(), attack.name);
            }
            if !expected {
                let _ = writeln!(wrong, "without {}: {}: {outcome:?}", off.name(), attack.name);
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn names_are_different() {
    let mut names: Vec<_> = all().map(|attack| attack.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
