//! A device section while it is being read, and what becomes of it once its
//! last line is known.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pinion_sip::config::{Host, Peer, PeerKind, Secret};

use super::load::{Load, Timer};
use crate::config::file::Position;

/// A device whose options may still come in any order; also, what `[general]`
/// says for all of them.
pub(super) struct Device {
    pub peer: Peer,
    pub kind: Option<PeerKind>,
    pub host: Option<(String, Position)>,
    pub port: u16,
    pub defaultip: Option<IpAddr>,
    pub secret: String,
    pub md5secret: String,
    /// As written in this very section.
    pub timert1: Option<Timer>,
    /// As written in this very section.
    pub timerb: Option<Timer>,
}

impl Device {
    /// A device that has said nothing yet, and so is as `defaults` has it.
    pub(super) fn new(name: &str, defaults: &Peer) -> Device {
        let mut peer = defaults.clone();
        peer.name = name.into();
        Device {
            peer,
            kind: None,
            host: None,
            port: 5060,
            defaultip: None,
            secret: String::new(),
            md5secret: String::new(),
            timert1: None,
            timerb: None,
        }
    }

    /// The finished device, `at` being its section's line. `None`, with a
    /// warning, where it cannot be one.
    pub(super) fn finish(
        mut self,
        at: &Position,
        t1min: Duration,
        load: &mut Load,
    ) -> Option<Peer> {
        let name = self.peer.name.clone();
        let Some(kind) = self.kind else {
            load.warn(
                at,
                format!("[{name}] has no type= and is skipped. Write type=friend, peer or user."),
            );
            return None;
        };
        self.peer.kind = kind;
        self.peer.host = self.host(at, load)?;
        self.peer.defaultip = self.defaultip.map(|ip| SocketAddr::new(ip, self.port));
        self.settle_timers(t1min, load);
        self.peer.secret = match (self.md5secret, self.secret) {
            (digest, _) if !digest.is_empty() => Secret::Md5(digest),
            (_, secret) if !secret.is_empty() => Secret::Plain(secret),
            _ => Secret::None,
        };
        if self.peer.secret == Secret::None {
            warn_of_no_secret(&self.peer, at, load);
        }
        Some(self.peer)
    }

    fn host(&self, at: &Position, load: &mut Load) -> Option<Host> {
        let name = &self.peer.name;
        match &self.host {
            Some((host, _)) if host.eq_ignore_ascii_case("dynamic") => Some(Host::Dynamic),
            Some((host, at)) => match load.address(host) {
                Some(ip) => Some(Host::Fixed(SocketAddr::new(ip, self.port))),
                None => {
                    let text = format!(
                        "host={host} of [{name}] does not resolve: the device is left out. \
                         Mend the name or write an address."
                    );
                    load.warn(at, text);
                    None
                }
            },
            None => {
                if self.kind != Some(PeerKind::User) {
                    let text =
                        format!("[{name}] has no host=. Taken as host=dynamic: it may register.");
                    load.warn(at, text);
                }
                Some(Host::Dynamic)
            }
        }
    }

    /// T1 not below `t1min`; Timer B as written, else 64·T1 where this section
    /// wrote T1, else as inherited (RFC 3261 §17.1.1.2).
    pub(super) fn settle_timers(&mut self, t1min: Duration, load: &mut Load) {
        let (written_t1, written_b) = (self.timert1.take(), self.timerb.take());
        if let Some(t1) = &written_t1 {
            self.peer.timer_t1 = t1.duration.max(t1min);
            self.peer.timer_b = self.peer.timer_t1 * 64;
            if t1.duration < t1min {
                let (t1_ms, t1min_ms) = (t1.duration.as_millis(), t1min.as_millis());
                load.warn_line(&t1.at, || {
                    format!("timert1={t1_ms} is below t1min. Taken as {t1min_ms}.")
                });
            }
        }
        if let Some(b) = &written_b {
            self.peer.timer_b = b.duration;
            let (b_ms, least_ms) = (
                b.duration.as_millis(),
                (self.peer.timer_t1 * 64).as_millis(),
            );
            if b_ms < least_ms {
                let text = format!(
                    "timerb={b_ms} is below 64 times T1 ({least_ms}): requests are given up before their \
                     last retransmission."
                );
                load.warn_line(&b.at, || text);
            }
        }
    }
}

/// Loud, except where `type=peer`, a fixed host and `insecure=invite` ask for
/// exactly that: a trunk known by its address.
fn warn_of_no_secret(peer: &Peer, at: &Position, load: &mut Load) {
    let name = &peer.name;
    match peer.host {
        Host::Fixed(_) if peer.kind == PeerKind::Peer && peer.insecure.invite => {}
        Host::Fixed(address) if peer.kind == PeerKind::Peer => {
            let ip = address.ip();
            let text = format!(
                "[{name}] has neither secret nor md5secret: whoever sends from {ip} may use it. \
                 Set one, or write insecure=invite if that is meant."
            );
            load.warn(at, text);
        }
        _ => {
            let text = format!(
                "[{name}] has neither secret nor md5secret: anybody may use it. Set one of them."
            );
            load.warn(at, text);
        }
    }
}
