//! Which release serves on which host, once a deployment or a rollback came to nothing.

/// What one host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Nothing was swapped there.
    AsBefore(Option<u64>),
    /// Put back, and it answers where that is checked.
    Again(u64),
    /// Put back, and it does not answer either.
    Silent(u64),
    /// There was no release to put back.
    Nothing,
    /// Putting back failed: this release may still be live.
    Unknown(u64),
}

impl Serving {
    fn phrase(self) -> String {
        match self {
            Self::AsBefore(Some(number)) => format!("release {number} serves as before"),
            Self::AsBefore(None) => "no release is live yet".to_owned(),
            Self::Again(number) => format!("release {number} serves"),
            Self::Silent(number) => format!("release {number} is live again and does not answer either"),
            Self::Nothing => "nothing is live now".to_owned(),
            Self::Unknown(number) => format!("release {number} may still be live"),
        }
    }
}

/// `release 8 serves`, or with the hosts where they differ: `release 8 serves on a, release 9 may still be live on b`.
pub fn sentence(hosts: &[(&str, Serving)]) -> String {
    let swapped = hosts
        .iter()
        .any(|(_, serving)| !matches!(serving, Serving::AsBefore(_)));
    let mut groups: Vec<(Serving, Vec<&str>)> = Vec::new();
    for &(host, serving) in hosts {
        // Whether it was put back or never left makes no difference, once some host was swapped.
        let serving = match serving {
            Serving::AsBefore(Some(number)) if swapped => Serving::Again(number),
            other => other,
        };
        match groups.iter_mut().find(|(known, _)| *known == serving) {
            Some((_, names)) => names.push(host),
            None => groups.push((serving, vec![host])),
        }
    }
    if let [(serving, _)] = groups.as_slice() {
        return serving.phrase();
    }
    let phrases = groups
        .iter()
        .map(|(serving, names)| format!("{} on {}", serving.phrase(), names.join(" and ")));
    phrases.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_named_only_where_they_differ() {
        let alike = [("a", Serving::Again(8)), ("b", Serving::AsBefore(Some(8)))];
        assert_eq!(sentence(&alike), "release 8 serves");
        let before = [("a", Serving::AsBefore(Some(8))), ("b", Serving::AsBefore(Some(8)))];
        assert_eq!(sentence(&before), "release 8 serves as before");
        let different = [
            ("a", Serving::AsBefore(Some(8))),
            ("b", Serving::Unknown(9)),
            ("c", Serving::AsBefore(Some(8))),
        ];
        assert_eq!(
            sentence(&different),
            "release 8 serves on a and c, release 9 may still be live on b"
        );
    }
}
