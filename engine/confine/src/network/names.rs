//! What programs have looked up, and which addresses they were given.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Destination;
use super::layout::{canonical, is_below};

/// Names below a granted domain, from here upwards.
pub(super) const BELOW: Ipv4Addr = Ipv4Addr::new(127, 64, 128, 0);

/// How many of its first bits they all have.
pub(super) const BELOW_BITS: u8 = 17;

/// Names that are not granted, from here upwards: nobody listens there, so connecting fails at once, and whoever sees the
/// attempt knows the name.
const DENIED: u32 = Ipv4Addr::new(127, 65, 0, 0).to_bits();

/// An address that stands for a name that is not granted.
pub(crate) fn is_denied(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.to_bits() & 0xffff_0000 == DENIED)
}

/// Of each of the two kinds, in one Cell. A program that looks up more is not after an answer.
const KEPT: usize = 4_096;

/// Top-level domains that are nobody's (RFC 2606, RFC 6761): there is no such name, granted or not.
const NOBODYS: [&str; 3] = ["invalid", "test", "example"];

#[derive(Debug)]
pub(super) struct Names {
    exact: BTreeMap<String, Ipv4Addr>,
    below: BTreeMap<String, Ipv4Addr>,
    denied: BTreeMap<String, Ipv4Addr>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Known(Ipv4Addr),
    /// Below a granted domain and not seen before: to be listened at, on each of these destinations' ports.
    New(Ipv4Addr, Vec<usize>),
    /// With the address that stands for it; not seen before if `new`.
    Denied {
        address: Option<Ipv4Addr>,
        new: bool,
    },
    Missing,
}

impl Names {
    pub(super) fn new(exact: BTreeMap<String, Ipv4Addr>) -> Self {
        Self {
            exact,
            below: BTreeMap::new(),
            denied: BTreeMap::new(),
        }
    }

    pub(super) fn look_up(&mut self, name: &str, destinations: &[Destination]) -> Lookup {
        let name = canonical(name);
        if let Some(address) = self.exact.get(&name).or_else(|| self.below.get(&name)) {
            return Lookup::Known(*address);
        }
        let (parent, top) = name
            .rsplit_once('.')
            .map_or((None, name.as_str()), |(rest, top)| (Some(rest), top));
        if top == "localhost" {
            return Lookup::Known(Ipv4Addr::LOCALHOST);
        }
        let granting: Vec<_> = destinations
            .iter()
            .enumerate()
            .filter(|(_, destination)| is_below(&name, destination))
            .map(|(index, _)| index)
            .collect();
        if !granting.is_empty() {
            return match assign(&mut self.below, BELOW.to_bits(), &name) {
                Some((address, _)) => Lookup::New(address, granting),
                None => Lookup::Missing,
            };
        }
        let nobodys = parent.is_none() || NOBODYS.contains(&top);
        match assign(&mut self.denied, DENIED, &name) {
            Some((address, new)) => Lookup::Denied {
                address: (!nobodys).then_some(address),
                new,
            },
            None => Lookup::Missing,
        }
    }

    /// The name that a program meant by an address.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        let IpAddr::V4(address) = address else { return None };
        let all = self.exact.iter().chain(&self.below).chain(&self.denied);
        all.filter(|(_, known)| **known == address)
            .map(|(name, _)| name.as_str())
            .next()
    }
}

/// None when there are too many; otherwise whether it is a new one.
fn assign(names: &mut BTreeMap<String, Ipv4Addr>, base: u32, name: &str) -> Option<(Ipv4Addr, bool)> {
    if let Some(known) = names.get(name) {
        return Some((*known, false));
    }
    if names.len() >= KEPT {
        return None;
    }
    let address = Ipv4Addr::from_bits(base + 1 + names.len() as u32);
    names.insert(name.to_owned(), address);
    Some((address, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(domain: &str) -> Destination {
        Destination::Below {
            domain: domain.into(),
            port: 443,
            private: false,
        }
    }

    #[test]
    fn granted_names_and_those_below_granted_domains() {
        let exact = BTreeMap::from([("db.example.com".to_owned(), Ipv4Addr::new(127, 64, 1, 1))]);
        let mut names = Names::new(exact);
        let granted = [below("Example.org")];
        assert_eq!(
            names.look_up("DB.example.com.", &granted),
            Lookup::Known(Ipv4Addr::new(127, 64, 1, 1))
        );
        let first = Ipv4Addr::new(127, 64, 128, 1);
        assert_eq!(names.look_up("a.b.example.org", &granted), Lookup::New(first, vec![0]));
        assert_eq!(names.look_up("A.b.example.org.", &granted), Lookup::Known(first));
        assert_eq!(names.name_of(first.into()), Some("a.b.example.org"));
        for other in ["example.org", ".example.org", "badexample.org", "example.org.evil.com"] {
            assert!(
                matches!(names.look_up(other, &granted), Lookup::Denied { .. }),
                "{other}"
            );
        }
    }

    #[test]
    fn a_denied_name_has_an_address_of_its_own_and_is_told_once() {
        let mut names = Names::new(BTreeMap::new());
        let address = Some(Ipv4Addr::new(127, 65, 0, 1));
        let mut look_up = |name| names.look_up(name, &[]);
        assert_eq!(look_up("upload.example.com"), Lookup::Denied { address, new: true });
        assert_eq!(look_up("Upload.example.com"), Lookup::Denied { address, new: false });
        let (address, new) = (None, true);
        assert_eq!(look_up("redis"), Lookup::Denied { address, new });
        assert_eq!(look_up("site.test"), Lookup::Denied { address, new });
        assert_eq!(look_up("a.localhost"), Lookup::Known(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn there_is_an_end_to_names() {
        let mut names = Names::new(BTreeMap::new());
        for number in 0..KEPT {
            names.look_up(&format!("{number}.example.com"), &[]);
        }
        assert_eq!(names.look_up("one-more.example.com", &[]), Lookup::Missing);
    }
}
