//! DNS messages: a question out, its answer in (RFC 1035, 4). Any byte of an answer may be an enemy's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
    header_buffer,
};

/// The most records of an answer that are looked at.
const RECORDS_MAX: u16 = 128;

/// The most addresses that are taken for one name.
const ADDRESSES_MAX: usize = 32;

/// The most aliases that are followed: as many as records are looked at, as glibc does.
const ALIASES_MAX: usize = 128;

/// The bytes before the question: id, flags, four counts.
const HEADER: usize = 12;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordType {
    /// IPv6 addresses.
    Aaaa,
    /// IPv4 addresses.
    A,
}

impl RecordType {
    /// As the codec has it.
    fn code(self) -> TYPE {
        match self {
            Self::A => TYPE::A,
            Self::Aaaa => TYPE::AAAA,
        }
    }

    /// As a person writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
        }
    }
}

/// What a server says to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// There are these; at least one.
    Addresses(Vec<IpAddr>),
    /// The name exists and has none of this kind.
    NoData,
    /// The name does not exist.
    NoSuchName,
    /// The answer did not fit into a datagram; these are those that did.
    Truncated(Vec<IpAddr>),
    /// The server cannot or will not say; the code's name.
    Refusal(&'static str),
}

/// The question for the `kind` of addresses of `name`; none when `name` is no name for DNS.
pub(super) fn question(name: &str, kind: RecordType, id: u16) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok().filter(|name| name.iter().next().is_some())?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind.code()), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

/// What `message` says to the question that had `id`; none when it is no answer to it.
pub(crate) fn read(message: &[u8], name: &str, kind: RecordType, id: u16) -> Option<Reply> {
    if header_buffer::id(message).ok()? != id
        || !header_buffer::has_flags(message, PacketFlag::RESPONSE).ok()?
        || header_buffer::questions(message).ok()? > 1
    {
        return None;
    }
    let truncated = header_buffer::has_flags(message, PacketFlag::TRUNCATION).ok()?;
    let bounded = bounded(message)?;
    let packet = match Packet::parse(&bounded) {
        Ok(packet) => packet,
        // Cut in the middle of a record: the rest comes over TCP.
        Err(_) if truncated => return Some(Reply::Truncated(Vec::new())),
        Err(_) => return None,
    };
    if packet.opcode() != OPCODE::StandardQuery {
        return None;
    }
    let name = Name::new(name).ok()?;
    match packet.questions.first() {
        Some(question) => {
            let same = question.qname == name
                && question.qtype == QTYPE::TYPE(kind.code())
                && question.qclass == QCLASS::CLASS(CLASS::IN);
            same.then_some(())?;
        }
        // A server that cannot read the question may leave it out (RFC 1035, 4.1.1), but then it knows no answer.
        None if matches!(packet.rcode(), RCODE::NoError | RCODE::NameError) => return None,
        None => {}
    }
    Some(match packet.rcode() {
        RCODE::NoError => {
            let addresses = addresses(&packet.answers, &name, kind);
            match (truncated, addresses.is_empty()) {
                (true, _) => Reply::Truncated(addresses),
                (false, true) => Reply::NoData,
                (false, false) => Reply::Addresses(addresses),
            }
        }
        RCODE::NameError => Reply::NoSuchName,
        RCODE::ServerFailure => Reply::Refusal("SERVFAIL"),
        RCODE::Refused => Reply::Refusal("REFUSED"),
        RCODE::FormatError => Reply::Refusal("FORMERR"),
        RCODE::NotImplemented => Reply::Refusal("NOTIMP"),
        _ => Reply::Refusal("an unknown error"),
    })
}

/// `message` with nothing in it that we do not read, and counts that the codec may allocate for.
fn bounded(message: &[u8]) -> Option<Vec<u8>> {
    let answers = header_buffer::answers(message).ok()?.min(RECORDS_MAX);
    let [high, low] = answers.to_be_bytes();
    let mut bytes = message.to_vec();
    let header = bytes.first_chunk_mut::<HEADER>()?;
    // The one bit of the header that is still reserved, which the codec refuses.
    header[3] &= !0x40;
    header[6..].copy_from_slice(&[high, low, 0, 0, 0, 0]);
    Some(bytes)
}

/// The addresses of `name` among `records`, along its aliases.
fn addresses(records: &[ResourceRecord<'_>], name: &Name<'_>, kind: RecordType) -> Vec<IpAddr> {
    let mut name = name;
    for _ in 0..=ALIASES_MAX {
        let of_name = || records.iter().filter(|record| record.class == CLASS::IN && record.name == *name);
        let found: Vec<IpAddr> = of_name()
            .filter_map(|record| match (&record.rdata, kind) {
                (RData::A(a), RecordType::A) => Some(Ipv4Addr::from(a.address).into()),
                (RData::AAAA(aaaa), RecordType::Aaaa) => Some(Ipv6Addr::from(aaaa.address).into()),
                _ => None,
            })
            .take(ADDRESSES_MAX)
            .collect();
        let alias = of_name().find_map(|record| match &record.rdata {
            RData::CNAME(alias) => Some(&alias.0),
            _ => None,
        });
        match alias {
            Some(alias) if found.is_empty() => name = alias,
            _ => return found,
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use simple_dns::rdata::{A, AAAA, CNAME};

    use super::*;

    const ID: u16 = 0x1234;

    /// An answer of `records` to the question for `kind` of `name`, each `(owner, data)`.
    fn answer(name: &str, kind: RecordType, records: &[(&str, &str)]) -> Vec<u8> {
        let mut packet = Packet::new_reply(ID);
        let qtype = QTYPE::TYPE(kind.code());
        let qname = Name::new(name).unwrap();
        packet.questions.push(Question::new(qname, qtype, QCLASS::CLASS(CLASS::IN), false));
        for &(owner, data) in records {
            let rdata = match data.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => RData::A(A::from(address)),
                Ok(IpAddr::V6(address)) => RData::AAAA(AAAA::from(address)),
                Err(_) => RData::CNAME(CNAME(Name::new(data).unwrap())),
            };
            packet.answers.push(ResourceRecord::new(Name::new(owner).unwrap(), CLASS::IN, 1, rdata));
        }
        packet.build_bytes_vec_compressed().unwrap()
    }

    fn read_a(message: &[u8]) -> Option<Reply> {
        read(message, "db.example", RecordType::A, ID)
    }

    fn addresses_of(texts: &[&str]) -> Reply {
        Reply::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    /// `bytes` with `value` at `index`.
    fn with(mut bytes: Vec<u8>, index: usize, value: u8) -> Vec<u8> {
        bytes[index] = value;
        bytes
    }

    #[test]
    fn addresses_are_those_of_the_name_along_its_aliases_in_any_order_and_case() {
        let plain =
            answer("db.example", RecordType::A, &[("DB.example", "10.0.0.1"), ("db.example", "10.0.0.2")]);
        assert_eq!(read_a(&plain), Some(addresses_of(&["10.0.0.1", "10.0.0.2"])));
        let chain = &[("c.example", "10.0.0.3"), ("b.example", "c.example"), ("db.example", "b.example")];
        assert_eq!(read_a(&answer("db.example", RecordType::A, chain)), Some(addresses_of(&["10.0.0.3"])));
        let aaaa =
            answer("db.example", RecordType::Aaaa, &[("db.example", "fd00::1"), ("db.example", "10.0.0.1")]);
        assert_eq!(read(&aaaa, "db.example", RecordType::Aaaa, ID), Some(addresses_of(&["fd00::1"])));
    }

    #[test]
    fn what_belongs_to_another_name_is_no_data() {
        for records in [
            &[][..],
            &[("other.example", "10.0.0.9")],
            &[("db.example", "fd00::1")],
            &[("db.example", "gone.example")],
            &[("db.example", "b.example"), ("b.example", "db.example")],
            &[("db.example", "db.example")],
        ] {
            let message = answer("db.example", RecordType::A, records);
            assert_eq!(read_a(&message), Some(Reply::NoData), "{records:?}");
        }
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_passed_over() {
        let good = answer("db.example", RecordType::A, &[("db.example", "10.0.0.1")]);
        assert!(read_a(&good).is_some());
        assert_eq!(read(&good, "db.example", RecordType::A, ID + 1), None, "another id");
        assert_eq!(read(&good, "db.example", RecordType::Aaaa, ID), None, "another kind");
        assert_eq!(read(&good, "db2.example", RecordType::A, ID), None, "another name");
        assert_eq!(read_a(&with(good.clone(), 2, 0)), None, "a question");
        assert_eq!(read_a(&with(good.clone(), 2, 0x80 | 0x28)), None, "another opcode");
        assert_eq!(read_a(&with(good.clone(), 5, 2)), None, "two questions");
        let headless = [&ID.to_be_bytes()[..], &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(read_a(&headless), None, "no question and no error");
        assert_eq!(read_a(&with(headless.clone(), 3, 3)), None, "NXDOMAIN of nothing");
        assert_eq!(read_a(&with(headless, 3, 1)), Some(Reply::Refusal("FORMERR")));
        for length in 0..good.len() {
            assert_eq!(read_a(&good[..length]), None, "cut at {length}");
        }
    }

    #[test]
    fn each_code_has_its_word() {
        let empty = answer("db.example", RecordType::A, &[]);
        for (code, reply) in [
            (0, Reply::NoData),
            (1, Reply::Refusal("FORMERR")),
            (2, Reply::Refusal("SERVFAIL")),
            (3, Reply::NoSuchName),
            (4, Reply::Refusal("NOTIMP")),
            (5, Reply::Refusal("REFUSED")),
            (9, Reply::Refusal("an unknown error")),
            (15, Reply::Refusal("an unknown error")),
        ] {
            assert_eq!(read_a(&with(empty.clone(), 3, code)), Some(reply), "{code}");
            // The bits beside the code are reserved, or about DNSSEC.
            assert!(read_a(&with(empty.clone(), 3, code | 0xf0)).is_some(), "{code}");
        }
    }

    #[test]
    fn a_truncated_answer_says_so_wherever_it_is_cut() {
        let message = answer("db.example", RecordType::A, &[("db.example", "10.0.0.1")]);
        let message = with(message.clone(), 2, message[2] | 0x02);
        let [part] = [IpAddr::from([10, 0, 0, 1])];
        assert_eq!(read_a(&message), Some(Reply::Truncated(vec![part])));
        assert_eq!(read_a(&message[..message.len() - 3]), Some(Reply::Truncated(Vec::new())));
    }

    #[test]
    fn counts_that_lie_and_names_that_point_in_circles_cost_nothing() {
        let good = answer("db.example", RecordType::A, &[("db.example", "10.0.0.1")]);
        let started = Instant::now();
        for _ in 0..1000 {
            let mut lying = good.clone();
            lying[6..12].fill(0xff);
            assert_eq!(read_a(&lying), None);
            // The authority and additional sections are not read.
            let mut lying = good.clone();
            lying[8..12].fill(0xff);
            assert_eq!(read_a(&lying), Some(addresses_of(&["10.0.0.1"])));
        }
        let question = good.len() - 16;
        for pointer in [question, question + 1, question + 2, 0, 0x3fff] {
            let [high, low] = u16::try_from(pointer).unwrap().to_be_bytes();
            let circle = with(with(good.clone(), question, 0xc0 | high), question + 1, low);
            assert_ne!(read_a(&circle), Some(addresses_of(&["10.0.0.1"])), "{pointer}");
        }
        // Each name is a chain of pointers that is as long as the one before it and one more.
        let mut stairs = good[..question].to_vec();
        stairs[6..8].fill(0xff);
        let mut previous = 12;
        while stairs.len() < 0x3fff {
            let at = stairs.len();
            let [high, low] = u16::try_from(previous).unwrap().to_be_bytes();
            stairs.extend([0xc0 | high, low, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0 | high, low]);
            previous = at;
        }
        let _ = read_a(&stairs);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[test]
    fn more_records_than_anyone_needs_are_cut() {
        let texts: Vec<String> = (0..200).map(|last| format!("10.0.0.{last}")).collect();
        let records: Vec<_> = texts.iter().map(|text| ("db.example", text.as_str())).collect();
        let Some(Reply::Addresses(addresses)) = read_a(&answer("db.example", RecordType::A, &records)) else {
            panic!("no addresses")
        };
        assert_eq!(addresses.len(), ADDRESSES_MAX);
    }

    #[test]
    fn a_question_holds_the_name_and_wants_recursion() {
        let bytes = question("db.example", RecordType::A, ID).unwrap();
        assert_eq!(bytes, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02db\x07example\0\0\x01\0\x01");
        for none in ["", ".", &"a".repeat(64), &"a.".repeat(128)] {
            assert_eq!(question(none, RecordType::A, ID), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some(head) = bytes.first_chunk_mut::<6>() {
                *head = [0x12, 0x34, 0x80, 0, 0, 1];
            }
            let _ = read_a(&bytes);
        }

        #[test]
        fn no_damage_panics(damage in proptest::collection::vec((0_usize..100, any::<u8>()), 1..8)) {
            let mut bytes = answer("db.example", RecordType::A, &[("db.example", "b.example"), ("b.example", "10.0.0.1")]);
            for (at, value) in damage {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let _ = read_a(&bytes);
        }
    }
}
