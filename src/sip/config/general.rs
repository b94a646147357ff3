//! sip.conf `[general]`, as far as signalling goes (sip-conf.md C).

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use smol_str::SmolStr;

use super::peer::{Peer, PeerKind};
use super::{Acl, Recording, Rule};
use crate::auth::Algorithm;
use crate::base::Flow;
use crate::dialog::SentBy;
use crate::modules::Missing;

/// The settings every device shares. Field names are the options' names;
/// defaults are Asterisk 13.3.2's unless the field says otherwise.
#[derive(Clone, PartialEq, Debug)]
pub struct General {
    /// `allowguest`; here **no** by default (Asterisk: yes).
    pub allowguest: bool,
    /// `match_auth_username`.
    pub match_auth_username: bool,
    /// `alwaysauthreject`: unknown users are answered like known ones.
    pub alwaysauthreject: bool,
    /// `auth_options_requests`.
    pub auth_options_requests: bool,
    /// `auth_message_requests`.
    pub auth_message_requests: bool,
    /// `accept_outofcall_message`.
    pub accept_outofcall_message: bool,
    /// `send_diversion`: callees are told who redirected a call.
    pub send_diversion: bool,
    /// `realm` of digest challenges.
    pub realm: String,
    /// `auth_algorithms` (new): what challenges offer, most preferred first.
    /// MD5 alone by default: many phones look at the first challenge only.
    pub auth_algorithms: Vec<Algorithm>,
    /// `useragent`: the User-Agent and Server header.
    pub useragent: String,
    /// `callerid`: the number used where a device has none.
    pub callerid: String,
    /// `domain=` list; empty means every domain is local. Nobody registers in
    /// another.
    pub domains: Vec<String>,
    /// The contexts of `domain=name,context` lines: (domain, context), for
    /// guests and for devices whose context is that of `[general]`.
    pub domain_contexts: Vec<(String, String)>,
    /// `allowexternaldomains`.
    pub allowexternaldomains: bool,
    /// `defaultexpiry`, seconds.
    pub defaultexpiry_s: u32,
    /// `minexpiry`, seconds.
    pub minexpiry_s: u32,
    /// `maxexpiry`, seconds.
    pub maxexpiry_s: u32,
    /// `short_expiry=clamp|423` (new): below `minexpiry` answer 423 instead of
    /// clamping silently as Asterisk does.
    pub refuse_short_expiry: bool,
    /// `contactdeny`, `contactpermit` of `[general]`; a contact must pass these
    /// and its device's.
    pub contact_acl: Acl,
    /// `compactheaders`.
    pub compactheaders: bool,
    /// `pass_headers` (new): names of unknown headers kept end to end; a
    /// trailing `*` is a wildcard.
    pub pass_headers: Vec<String>,
    /// `t1min`: the least T1 a device may have.
    pub t1min: Duration,
    /// T2 (`--t2`).
    pub timer_t2: Duration,
    /// T4 (`--t4`).
    pub timer_t4: Duration,
    /// `shrinkcallerid`: strip `( ) -`, blanks and inner dots from numbers.
    pub shrinkcallerid: bool,
    /// `externaddr`: address written into Via and Contact towards remotes
    /// outside `localnet`.
    pub externaddr: Option<SocketAddr>,
    /// `externtcpport`: the port beside `externaddr` where it is about streams,
    /// if that is another.
    pub externtcpport: Option<u16>,
    /// `localnet` networks (address, prefix).
    pub localnet: Vec<(IpAddr, u8)>,
    /// `matchexternaddrlocally`: `externaddr` only where our own address is
    /// in `localnet`.
    pub matchexternaddrlocally: bool,
    /// `--tcp-switch`: requests too large for a datagram take a stream (RFC 3261
    /// §18.1.1).
    pub tcp_switch: bool,
    /// `tos_sip`: the whole TOS octet of sent datagrams (DSCP in its upper six bits).
    pub tos_sip: u8,
    /// `cos_sip`: 802.1p priority of sent datagrams, 0 to 7.
    pub cos_sip: u8,
    /// `rtcachefriends`: a device of the database is kept once read, rather
    /// than read anew each time.
    pub rtcachefriends: bool,
    /// `rtupdate`: registrations are written into the device's row.
    pub rtupdate: bool,
    /// `rtautoclear`: a kept device and its registration end so long after it
    /// was read, as if it had registered then.
    pub rtautoclear_s: Option<u32>,
    /// `rtsavesysname`: `regserver` of a row is `systemname`.
    pub rtsavesysname: bool,
    /// `rtsavepath`: `path` of a row is that of the REGISTER (RFC 3327).
    pub rtsavepath: bool,
    /// `ignoreregexpire`: a registration of the database serves on after its
    /// end, and is not erased.
    pub ignoreregexpire: bool,
    /// `systemname` (asterisk.conf, `--systemname`): this node among those of
    /// one database; empty for none.
    pub systemname: SmolStr,
    /// What of the engine is not loaded (modules.conf, `module unload`).
    pub missing: Missing,
    /// cdr.conf: what is recorded of calls.
    pub records: Recording,
    /// What `[general]` says for the devices that do not say themselves; also,
    /// what a guest is and what holds where no device is concerned: a nameless
    /// device without a secret.
    pub defaults: Peer,
}

impl Default for General {
    fn default() -> General {
        General {
            allowguest: false,
            match_auth_username: false,
            alwaysauthreject: true,
            auth_options_requests: false,
            auth_message_requests: true,
            accept_outofcall_message: true,
            send_diversion: true,
            realm: "pinion".into(),
            auth_algorithms: vec![Algorithm::Md5],
            useragent: concat!("pinion ", env!("CARGO_PKG_VERSION")).into(),
            callerid: "pinion".into(),
            domains: Vec::new(),
            domain_contexts: Vec::new(),
            allowexternaldomains: true,
            defaultexpiry_s: 120,
            minexpiry_s: 60,
            maxexpiry_s: 3600,
            refuse_short_expiry: false,
            contact_acl: Acl::default(),
            compactheaders: false,
            pass_headers: Vec::new(),
            t1min: Duration::from_millis(100),
            timer_t2: Duration::from_secs(4),
            timer_t4: Duration::from_secs(5),
            shrinkcallerid: true,
            externaddr: None,
            externtcpport: None,
            localnet: Vec::new(),
            matchexternaddrlocally: false,
            tcp_switch: false,
            tos_sip: 0,
            cos_sip: 4,
            rtcachefriends: false,
            rtupdate: true,
            rtautoclear_s: None,
            rtsavesysname: false,
            rtsavepath: false,
            ignoreregexpire: false,
            systemname: SmolStr::default(),
            missing: Missing::default(),
            records: Recording::default(),
            defaults: Peer::new("", PeerKind::User),
        }
    }
}

impl General {
    /// Whether a host is of a domain of ours (`domain`, `autodomain`); every
    /// one is where none is named.
    pub fn is_local(&self, host: &[u8]) -> bool {
        let is_host = |domain: &String| domain.as_bytes().eq_ignore_ascii_case(host);
        self.domains.is_empty() || self.domains.iter().any(is_host)
    }

    /// What holds for `peer`; for a guest or a bare address what `[general]` says.
    pub fn device<'a>(&'a self, peer: Option<&'a Peer>) -> &'a Peer {
        peer.unwrap_or(&self.defaults)
    }

    /// How we write ourselves to the remote of `flow`.
    pub fn sent_by(&self, flow: &Flow) -> SentBy {
        SentBy {
            address: self.advertised(flow),
            transport: flow.transport,
            compact: self.compactheaders,
        }
    }

    /// Our address as the remote of `flow` knows it: `externaddr` outside of
    /// `localnet`, else where the flow begins.
    pub fn advertised(&self, flow: &Flow) -> SocketAddr {
        let inside = |address: SocketAddr| {
            self.localnet.iter().any(|&(network, prefix)| {
                let rule = Rule {
                    permit: true,
                    network,
                    prefix,
                };
                rule.matches(address.ip().to_canonical())
            })
        };
        let outside = !self.localnet.is_empty() && !inside(flow.remote);
        let applies = outside && (!self.matchexternaddrlocally || inside(flow.local));
        let same_family = |external: &SocketAddr| external.is_ipv4() == flow.local.is_ipv4();
        let external = self.externaddr;
        let Some(external) = external.filter(|external| applies && same_family(external)) else {
            return flow.local;
        };
        let of_streams = self.externtcpport.filter(|_| flow.transport.is_reliable());
        SocketAddr::new(external.ip(), of_streams.unwrap_or(external.port()))
    }

    /// Where a request of `device` to an address at `host` enters the plan:
    /// the context of the domain, unless the device has one of its own.
    pub fn context_of<'a>(&'a self, device: &'a Peer, host: &[u8]) -> &'a str {
        let mut contexts = self.domain_contexts.iter();
        let found = contexts.find(|(domain, _)| domain.as_bytes().eq_ignore_ascii_case(host));
        match found {
            Some((_, context)) if device.context == self.defaults.context => context,
            _ => &device.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Transport;

    #[test]
    fn the_external_address_is_advertised_outside_of_localnet() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let (lan, wan) = ("10.0.0.1:5060", "192.0.2.1:5060");
        let external = "203.0.113.1:5070";
        let advertised = |local: &str, remote: &str, match_locally, localnet: &[&str]| {
            let general = General {
                externaddr: Some(address(external)),
                matchexternaddrlocally: match_locally,
                localnet: localnet.iter().map(|ip| (ip.parse().unwrap(), 8)).collect(),
                ..General::default()
            };
            let flow = Flow::udp(0, address(local), address(remote));
            general.advertised(&flow).to_string()
        };
        let ten = &["10.0.0.0"];
        assert_eq!(advertised(lan, "198.51.100.1:5060", false, ten), external);
        assert_eq!(advertised(lan, "10.9.9.9:5060", false, ten), lan);
        assert_eq!(advertised(lan, "198.51.100.1:5060", false, &[]), lan);
        assert_eq!(advertised(lan, "198.51.100.1:5060", true, ten), external);
        assert_eq!(advertised(wan, "198.51.100.1:5060", false, ten), external);
        assert_eq!(advertised(wan, "198.51.100.1:5060", true, ten), wan);
        let v6 = "[2001:db8::1]:5060";
        assert_eq!(advertised(v6, "[2001:db8::2]:5060", false, ten), v6);
    }

    #[test]
    fn streams_may_have_an_external_port_of_their_own() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let advertised = |transport, externtcpport, remote: &str| {
            let general = General {
                externaddr: Some(address("203.0.113.1:5070")),
                externtcpport,
                localnet: vec![("10.0.0.0".parse().unwrap(), 8)],
                ..General::default()
            };
            let flow = Flow::udp(0, address("10.0.0.1:5060"), address(remote));
            general.advertised(&Flow { transport, ..flow }).to_string()
        };
        let far = "198.51.100.1:5060";
        assert_eq!(advertised(Transport::Tcp, None, far), "203.0.113.1:5070");
        assert_eq!(
            advertised(Transport::Tcp, Some(5080), far),
            "203.0.113.1:5080"
        );
        assert_eq!(
            advertised(Transport::Udp, Some(5080), far),
            "203.0.113.1:5070"
        );
        let near = "10.9.9.9:5060";
        assert_eq!(
            advertised(Transport::Tcp, Some(5080), near),
            "10.0.0.1:5060"
        );
    }
}
