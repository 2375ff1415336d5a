//! The name server of a Cell: it knows what is granted, and takes down what else is asked for.

use std::net::Ipv4Addr;

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE};

/// Answers may be kept for a moment only: what a name stands for is made up.
const TIME_TO_LIVE: u32 = 1;

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Address(Ipv4Addr),
    Missing,
    /// It could not be given an address now.
    Failed,
}

/// The answer to a query. None for what is not one: nothing is sent back.
pub(super) fn answer(query: &[u8], look_up: impl FnOnce(&str) -> Answer) -> Option<Vec<u8>> {
    let query = Packet::parse(query).ok()?;
    if query.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | (PacketFlag::RECURSION_DESIRED & flags(&query)));
    let [question] = query.questions.as_slice() else {
        *reply.rcode_mut() = RCODE::FormatError;
        return reply.build_bytes_vec().ok();
    };
    reply.questions.push(question.clone());
    let is_internet = matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY);
    let asks_for_addresses = matches!(
        question.qtype,
        QTYPE::TYPE(TYPE::A | TYPE::AAAA | TYPE::HTTPS) | QTYPE::ANY
    );
    if !is_internet || !asks_for_addresses {
        // Nothing is known of mail, services or addresses' names.
        *reply.rcode_mut() = RCODE::NameError;
        return reply.build_bytes_vec().ok();
    }
    match look_up(&question.qname.to_string()) {
        Answer::Address(address) if matches!(question.qtype, QTYPE::TYPE(TYPE::A) | QTYPE::ANY) => {
            let record = RData::A(A {
                address: address.to_bits(),
            });
            let record = ResourceRecord::new(question.qname.clone(), CLASS::IN, TIME_TO_LIVE, record);
            reply.answers.push(record);
        }
        // The name is there and has nothing of this kind.
        Answer::Address(_) => {}
        Answer::Missing => *reply.rcode_mut() = RCODE::NameError,
        Answer::Failed => *reply.rcode_mut() = RCODE::ServerFailure,
    }
    reply.build_bytes_vec().ok()
}

fn flags(query: &Packet<'_>) -> PacketFlag {
    if query.has_flags(PacketFlag::RECURSION_DESIRED) {
        PacketFlag::RECURSION_DESIRED
    } else {
        PacketFlag::empty()
    }
}

#[cfg(test)]
mod tests {
    use simple_dns::{Name, Question};

    use super::*;

    fn ask(name: &str, kind: TYPE, known: Answer) -> (RCODE, Vec<String>) {
        let mut query = Packet::new_query(7);
        query.set_flags(PacketFlag::RECURSION_DESIRED);
        query.questions.push(Question::new(
            Name::new(name).unwrap(),
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        let reply = answer(&query.build_bytes_vec().unwrap(), |asked| {
            assert_eq!(asked, name);
            known
        })
        .unwrap();
        let reply = Packet::parse(&reply).unwrap();
        assert_eq!((reply.id(), reply.questions.len()), (7, 1));
        assert!(reply.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED));
        let answers = reply.answers.iter().map(|answer| match &answer.rdata {
            RData::A(address) => Ipv4Addr::from_bits(address.address).to_string(),
            other => format!("{other:?}"),
        });
        (reply.rcode(), answers.collect())
    }

    #[test]
    fn addresses_of_names() {
        let known = Answer::Address(Ipv4Addr::new(127, 64, 1, 1));
        let address = vec!["127.64.1.1".to_owned()];
        assert_eq!(ask("Db.Example.com", TYPE::A, known), (RCODE::NoError, address));
        assert_eq!(ask("db.example.com", TYPE::AAAA, known), (RCODE::NoError, vec![]));
        assert_eq!(
            ask("db.example.com", TYPE::A, Answer::Missing),
            (RCODE::NameError, vec![])
        );
        assert_eq!(ask("db.example.com", TYPE::MX, known), (RCODE::NameError, vec![]));
    }

    #[test]
    fn what_is_no_query_has_no_answer() {
        for bytes in [&b""[..], b"hello", &[0xff; 600]] {
            assert_eq!(answer(bytes, |_| Answer::Missing), None);
        }
        let reply = Packet::new_reply(1).build_bytes_vec().unwrap();
        assert_eq!(answer(&reply, |_| Answer::Missing), None);
    }
}
