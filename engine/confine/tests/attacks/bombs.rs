//! Taking more than there is. Every one of them stops by itself.

use crate::attack::Attack;
use crate::wall::Wall::{Limits, UserNs};

/// More than the file system holds is refused before anything is taken.
macro_rules! fills {
    ($path:literal, $gigabytes:literal) => {
        concat!(
            "file = os.open('",
            $path,
            "', os.O_CREAT | os.O_WRONLY)\n",
            "os.posix_fallocate(file, 0, ",
            $gigabytes,
            " << 30)"
        )
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::program("filling /tmp", &[Limits], fills!("/tmp/bomb", "2"))
        .never_unconfined()
        .not_swept(),
    Attack::program("filling /dev/shm", &[Limits], fills!("/dev/shm/bomb", "2"))
        .never_unconfined()
        .not_swept(),
    Attack::program("filling the private overlay", &[Limits], fills!("bomb", "4"))
        .never_unconfined()
        .not_swept(),
    Attack::program(
        "filling the root",
        &[Limits],
        "os.mkdir('/bomb')\nos.mkdir('/dev/bomb')",
    )
    .never_unconfined()
    .not_swept(),
    Attack::program(
        "output that nobody reads",
        &[UserNs],
        "return fcntl.fcntl(os.pipe()[1], 1031, 16 << 20)",
    )
    .root_only()
    .needs("CAP_SYS_RESOURCE for root"),
    Attack::program(
        "500 processes",
        &[Limits],
        "pids = []\n\
         try:\n\
         \x20   while len(pids) < 500: pids.append(child(lambda: time.sleep(4)))\n\
         finally:\n\
         \x20   for pid in pids: end(pid)\n\
         return '%d processes' % len(pids)",
    )
    .not_tried_at_degraded()
    .not_swept(),
    Attack::program(
        "512 MiB of memory",
        &[Limits],
        "memory = mmap.mmap(-1, 512 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n\
         for page in range(0, 512 << 20, 4096): memory[page] = 1\n\
         return '512 MiB'",
    )
    .not_tried_at_degraded()
    .not_swept(),
];
