//! What the engine has open and knows.

use std::fs::File;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::arena::Place;
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::{Descriptors, Environment};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::engine("the engine's open files", &[Descriptors], open_files),
    Attack::program(
        "the engine's environment",
        &[Environment],
        // Cargo gives it to every test.
        "return os.environ['CARGO_PKG_NAME'] if 'CARGO_PKG_NAME' in os.environ else secret_in(b'')",
    ),
];

fn open_files(place: &Place) -> Outcome {
    // As careless code has it: open across `exec`.
    let leaked = File::open(place.arena.secret()).unwrap();
    fcntl(&leaked, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let script = "import os\n\
        for number in range(3, 256):\n\
        \x20   try: print(os.pread(number, 100, 0))\n\
        \x20   except OSError: pass\n\
        print('tried')";
    let output = place.python(script, &[]);
    match output.as_str() {
        "tried\n" => Outcome::Stopped("none is open".to_owned()),
        output if output.contains(crate::arena::SECRET) => Outcome::Breached(output.to_owned()),
        output => Outcome::NotAttempted(output.to_owned()),
    }
}
