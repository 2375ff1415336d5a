//! `docs/attacks.md`: the list as a page. What it says of each attack is what the tests of `corpus.rs` hold.

use std::fmt::Write;
use std::path::Path;

use crate::attack::{Attack, Degraded, Plain};
use crate::corpus::{FAMILIES, all};
use crate::wall::OFF;

const HEAD: &str = "# The attacks\n\n\
    What programs of a stage try against the machine, and what stops them. A test makes this page from the list of attacks\n\
    (`UPDATE_DOCS=1 cargo test -p tidegate-confine --test attacks`) and tries each of them, as root and as an ordinary user:\n\n\
    - in a Cell at the full level, where it has to be stopped;\n\
    - in one at the degraded level, which has neither namespaces nor mounts: what succeeds there is what\n\
    \x20 [its description](security.md#the-degraded-level) says, for an ordinary user without what is root's;\n\
    - without a Cell, where it has to succeed, or the first would prove nothing. *as root*: an ordinary user may not anyway.\n\
    \x20 *never*: it would harm the machine, or it can't work there. *if …*: a machine without that shows nothing;\n\
    - in Cells that lack one layer. *alone*: then it succeeds, so no other layer stops it. *others hold*: whichever layer is\n\
    \x20 off, it is stopped. *not tried*: it would take memory or time, or needs a layer that a Cell can't start without.\n\n\
    The user and pid namespaces and `no_new_privs` can't be off alone: the other layers are made with them. `view` is made of\n\
    mounts and goes with them, `forwards` are made in the network namespace and go with it.\n\n\
    Not promised, so not here: memory that is written and then executed is allowed (every JIT does it), processor time is not\n\
    limited, and what a program may see it may also say on its output.\n";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let (mut open, count) = (Vec::new(), all().count());
    for attack in all() {
        if let Some(why) = attack.open {
            open.push((attack.name, why));
        }
    }
    let _ = writeln!(
        page,
        "\n{count} attacks: {} are stopped, {} succeed. At the degraded level {} are stopped, {} succeed, {} are not tried.\n",
        count - open.len(),
        open.len(),
        at_degraded(Degraded::Stopped),
        at_degraded(Degraded::Succeeds),
        at_degraded(Degraded::NotTried),
    );
    for (name, why) in open {
        let _ = writeln!(page, "- *{name}* succeeds: {why}.");
    }
    page.push_str("\nWith one layer only, by layer:\n\n| layer | attacks |\n|---|---|\n");
    for off in OFF {
        let alone = all()
            .filter(|attack| is_alone(attack) && attack.falls_without(off))
            .count();
        let _ = writeln!(page, "| {} | {alone} |", off.name());
    }
    for (family, attacks) in FAMILIES {
        let _ = write!(
            page,
            "\n## `engine/confine/tests/attacks/{family}.rs`\n\n\
             | attack | stopped by | one layer off | root | user | degraded | without a Cell |\n|---|---|---|---|---|---|---|\n"
        );
        for attack in attacks {
            let _ = writeln!(page, "{}", row(attack));
        }
    }
    page
}

fn at_degraded(what: Degraded) -> usize {
    all().filter(|attack| attack.at_degraded() == what).count()
}

fn is_alone(attack: &Attack) -> bool {
    attack.swept && attack.open.is_none() && OFF.iter().any(|off| attack.falls_without(*off))
}

fn row(attack: &Attack) -> String {
    let walls: Vec<_> = attack.walls.iter().map(|wall| wall.name()).collect();
    let walls = if walls.is_empty() {
        "nothing".to_owned()
    } else {
        walls.join(", ")
    };
    // One that can't be off is not known to be the only one.
    let switchable = attack
        .walls
        .iter()
        .any(|wall| OFF.iter().any(|off| off.walls().contains(wall)));
    let sweep = match attack {
        _ if is_alone(attack) => "alone",
        Attack {
            swept: true,
            open: None,
            ..
        } if switchable && attack.walls.len() > 1 => "others hold",
        _ => "not tried",
    };
    let end = if attack.open.is_some() {
        "**succeeds**"
    } else {
        "stopped"
    };
    let degraded = match attack.at_degraded() {
        Degraded::Stopped => "stopped",
        Degraded::Succeeds => "**succeeds**",
        Degraded::NotTried => "not tried",
    };
    let plain = match attack.plain {
        Plain::Succeeds => "succeeds",
        Plain::SucceedsAsRoot => "as root",
        Plain::Never => "never",
    };
    let needs = attack.needs.map(|what| format!(", if: {what}")).unwrap_or_default();
    format!(
        "| {} | {walls} | {sweep} | {end} | {end} | {degraded} | {plain}{needs} |",
        attack.name
    )
}

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attacks.md");
    let current = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == current,
        "docs/attacks.md is not what the attacks are; write it anew: UPDATE_DOCS=1 cargo test -p tidegate-confine --test attacks"
    );
}

#[test]
fn there_are_many() {
    assert!(all().count() >= 75);
}
