//! What is hidden, read-only or private in the workspace.

use std::fs;
use std::path::Path;

use tidegate_confine::Cell;

use crate::arena::{Place, helpers};
use crate::attack::{Attack, Outcome};
use crate::wall::Wall::View;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program("reading .env", &[View], "return reads('.env')"),
    Attack::program("reading .git", &[View], "return reads('.git/config')"),
    Attack::program("reading .git in a subfolder", &[View], "return reads('lib/.git/HEAD')"),
    Attack::program("reading the engine's own state", &[View], "return reads('.tidegate/state')"),
    Attack::program("reading what `hide` names", &[View], "return reads('certs/key.pem')"),
    Attack::program("another way to write the path", &[View], "return reads('.//out/../lib/../.env')"),
    Attack::program("through /proc/self/cwd", &[View], "return reads('/proc/self/cwd/.env')"),
    Attack::program("through /proc/self/root", &[View], "return reads('/proc/self/root' + workspace + '/.env')"),
    Attack::program(
        "opened twice, by /proc/self/fd",
        &[View],
        "return reads('/proc/self/fd/%d' % os.open('.env', os.O_PATH))",
    ),
    Attack::program(
        "from a folder's descriptor",
        &[View],
        "folder = os.open('out/keys', os.O_PATH)\nreturn secret_in(os.read(os.open('.env', os.O_RDONLY, dir_fd=folder), 99))",
    ),
    Attack::program("through a link", &[View], "os.symlink('../.env', 'out/alias')\nreturn reads('out/alias')"),
    Attack::program(
        "names that other file systems take for the same",
        &[View],
        "for variant in '.ENV', '.Env', '.env.', '.env ', '.env::$DATA', '.g\\u200cit/config', '.GIT/config', 'GIT~1/config':\n\
         \x20   try: return reads(variant)\n\
         \x20   except FileNotFoundError: pass\n\
         raise Stopped('ENOENT')",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program("renaming a hidden file", &[View], "os.rename('out/keys/.env', 'out/env')\nreturn reads('out/env')"),
    Attack::program(
        "a hard link to a hidden file",
        &[View],
        "os.link('out/loose/deep/.env.production', 'out/hard-env')\nreturn reads('out/hard-env')",
    ),
    Attack::program(
        "renaming the folder of a hidden file",
        &[View],
        "os.rename('out/loose/deep', 'out/deep')\nreturn reads('out/deep/.env.production')",
    ),
    Attack::program(
        "renaming the folder of a repository",
        &[View],
        "os.rename('out/sub', 'out/sub2')\nreturn reads('out/sub2/.git/config')",
    ),
    Attack::program(
        "renaming a folder in the private overlay",
        &[View],
        "os.rename('lib', 'lib2')\nreturn reads('lib2/.env.local')",
    ),
    Attack::program(
        "exchanging a hidden file",
        &[View],
        "open('plain2', 'w').close()\ncall(SYS.renameat2, -100, b'plain2', -100, b'.env', 2)\nreturn reads('plain2')",
    ),
    Attack::program(
        "a folder that claims to be another in the overlay",
        &[View],
        "os.mkdir('claims')\n\
         for key in 'user.overlay.redirect', 'user.overlay.overlay.redirect':\n\
         \x20   try: os.setxattr('claims', key, b'/.git')\n\
         \x20   except OSError: pass\n\
         os.rename('claims', 'claims2')\n\
         return reads('claims2/config')",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program("changing a read-only file", &[View], "open('out/tidegate.toml', 'w').close()"),
    Attack::program("removing a read-only file", &[View], "os.unlink('out/tidegate.toml')"),
    Attack::program(
        "replacing a read-only file",
        &[View],
        "open('out/mine', 'w').close()\nos.replace('out/mine', 'out/tidegate.toml')",
    ),
    Attack::program(
        "renaming the folder of a read-only file",
        &[View],
        "os.rename('out/parts', 'out/parts2')",
    ),
    Attack::program(
        "a hard link to a file beyond `write`",
        &[View],
        "os.link('plain', 'out/hard-plain')",
    ),
    Attack::engine("a folder left for the next Cell that claims to be another", &[View], claiming).never_unconfined(),
    Attack::engine("leaving a change outside of `write`", &[View], persisting).not_tried_at_degraded(),
    Attack::engine("leaving a new repository in a `write` folder", &[], new_repository).open(
        "what a stage leaves in its `write` folders is its to choose; the next Cell hides it, git run by hand in that folder does not",
    ),
];

fn persisting(place: &Place) -> Outcome {
    let output = place.python("open('plain', 'w').write('changed')\nprint('done', end='')", &[]);
    let found = fs::read_to_string(place.path("plain")).unwrap();
    match (output.as_str(), found.as_str()) {
        ("done", "changed") => Outcome::Breached(found),
        ("done", _) => Outcome::Stopped("the host's file is as it was".to_owned()),
        _ => Outcome::NotAttempted(output),
    }
}

/// The overlay of the next Cell takes its notes from attributes that a program can set where it writes for real.
fn claiming(place: &Place) -> Outcome {
    let script = "import os\n\
        os.mkdir('out/claims')\n\
        os.setxattr('out/claims', 'user.overlay.redirect', b'/.git')\n\
        os.setxattr('out/claims', 'user.overlay.opaque', b'y')\n\
        print('done', end='')";
    let output = place.python(script, &[]);
    if output != "done" {
        return Outcome::NotAttempted(output);
    }
    let mut spec = place.arena.spec();
    spec.write.clear();
    spec.read_only.clear();
    let next = Cell::start(&helpers(), &spec).unwrap();
    match next.view().open(Path::new("out/claims/config")) {
        Ok(_) => Outcome::Breached("the repository's configuration".to_owned()),
        Err(error) => Outcome::Stopped(error.to_string()),
    }
}

fn new_repository(place: &Place) -> Outcome {
    let script =
        "import os\nos.makedirs('out/new/.git/hooks')\nopen('out/new/.git/config', 'w').close()\nprint('done', end='')";
    let output = place.python(script, &[]);
    if place.path("out/new/.git/config").exists() {
        return Outcome::Breached("it is there".to_owned());
    }
    Outcome::Stopped(output)
}
