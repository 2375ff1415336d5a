//! Maps of ids as the kernel reads them from `uid_map` and `gid_map`: lines of an id inside, one outside, and how many.

/// One id and nothing else.
pub(super) fn only(inside: u32, outside: u32) -> String {
    format!("{inside} {outside} 1\n")
}

/// Every id is itself, except that these two change places.
pub(super) fn swapped(one: u32, other: u32) -> String {
    let (low, high) = (one.min(other), one.max(other));
    if low == high {
        return line(0, 0, u32::MAX);
    }
    [
        line(0, 0, low),
        line(low, high, 1),
        line(low + 1, low + 1, high - low - 1),
        line(high, low, 1),
        // The last number is no id: it says that there is none.
        line(high + 1, high + 1, u32::MAX - high - 1),
    ]
    .concat()
}

/// The kernel takes no empty range.
fn line(inside: u32, outside: u32, count: u32) -> String {
    if count == 0 {
        String::new()
    } else {
        format!("{inside} {outside} {count}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_change_places_and_the_others_stay() {
        assert_eq!(
            swapped(2_000_000_000, 1_001),
            "0 0 1001\n1001 2000000000 1\n1002 1002 1999998998\n2000000000 1001 1\n2000000001 2000000001 2294967294\n"
        );
        assert_eq!(swapped(0, 1), "0 1 1\n1 0 1\n2 2 4294967293\n");
        assert_eq!(swapped(7, 7), "0 0 4294967295\n");
        assert_eq!(
            swapped(0, u32::MAX - 1),
            "0 4294967294 1\n1 1 4294967293\n4294967294 0 1\n"
        );
    }
}
