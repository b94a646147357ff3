//! A request in the making: a start line and header fields that can still be
//! bent, then bytes. Knows the form of SIP, not what a profile wants of it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use pinion_sip::base::Random;

use crate::plan::Users;

/// What all messages of a flood share.
#[derive(Clone, Debug)]
pub struct Site {
    /// Our address.
    pub local: SocketAddr,
    /// The target's.
    pub target: SocketAddr,
    /// Who attacks.
    pub users: Users,
    /// Whom calls ask for.
    pub callee: String,
    /// What all bytes are drawn from.
    pub seed: u64,
}

impl Site {
    /// The randomness of message `number`: the same whenever it is asked for,
    /// so that a later message can be made from the number alone.
    pub fn random(&self, number: u64) -> Random {
        Random::from_u64(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The name of user `number`, counted over again beyond the last.
    pub fn user(&self, number: u64) -> String {
        let mut name = Vec::new();
        self.users.write_name(number, &mut name);
        String::from_utf8_lossy(&name).into_owned()
    }

    /// Its password; empty when it has none.
    pub fn password(&self, number: u64) -> Vec<u8> {
        let mut password = Vec::new();
        self.users.write_password(number, &mut password);
        password
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The request line, without its line end.
    pub start: String,
    /// Header fields in order.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Draft {
    /// A well-formed request outside any dialog, from `user` to `uri`. Its
    /// Call-ID carries `number`, its branch and tags are that number's own.
    pub fn new(site: &Site, number: u64, method: &str, user: &str, uri: &str) -> Draft {
        let mut random = site.random(number);
        let (local, target) = (site.local, site.target);
        let mut draft = Draft {
            start: format!("{method} {uri} SIP/2.0"),
            fields: Vec::with_capacity(12),
            body: Vec::new(),
        };
        let branch = random.next_u64();
        draft.add(
            "Via",
            format!("SIP/2.0/UDP {local};rport;branch=z9hG4bK{branch:016x}"),
        );
        draft.add("Max-Forwards", "70");
        draft.add(
            "From",
            format!("<sip:{user}@{target}>;tag={:08x}", random.below(1 << 32)),
        );
        draft.add("To", format!("<{uri}>"));
        draft.add(
            "Call-ID",
            format!("flood-{number}-{:016x}", random.next_u64()),
        );
        draft.add("CSeq", format!("1 {method}"));
        draft.add("Contact", format!("<sip:{user}@{local}>"));
        draft
    }

    /// Adds a field at the end.
    pub fn add(&mut self, name: &str, value: impl Into<String>) -> &mut Draft {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Replaces the first field of that name, or adds it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Draft {
        match self.fields.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value.into(),
            None => self.fields.push((name.into(), value.into())),
        }
        self
    }

    /// The first field of that name; empty without one.
    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|field| field.0 == name);
        field.map_or("", |field| field.1.as_str())
    }

    /// Removes all fields of that name.
    pub fn remove(&mut self, name: &str) -> &mut Draft {
        self.fields.retain(|field| field.0 != name);
        self
    }

    /// Another branch, made from the one there is: a transaction of its own.
    pub fn rebranch(&mut self) -> &mut Draft {
        let via = format!("{}2", self.value("Via"));
        self.set("Via", via)
    }

    /// An offer of one audio stream to nowhere.
    pub fn offer(&mut self, site: &Site) -> &mut Draft {
        let ip = site.local.ip();
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        self.body = format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        .into_bytes();
        self.add("Content-Type", "application/sdp")
    }

    /// The bytes, with the body's Content-Length unless a field says another.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = String::with_capacity(512);
        let _ = write!(head, "{}\r\n", self.start);
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.value("Content-Length").is_empty() {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
