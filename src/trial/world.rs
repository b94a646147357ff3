//! One call in virtual time: a shard of the engine, the caller, and every
//! telephone it calls. Nothing is lost on the way, and nothing takes time but
//! what somebody waits for.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant, Level, UnixTime};
use pinion_sip::config::{Acl, CallerId, Config, Host, Peer, PeerKind, Peers, Qualify, Secret};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

use super::phone::{self, Dialog};
use super::script::{Deed, Script};

/// The engine.
const ENGINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)), 5060);

/// The longest call that is followed to its end.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Most things that happen in one call: one that goes round is left.
const MOST_EVENTS: usize = 100_000;

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Applications with their arguments, in order.
    pub(super) ran: Vec<String>,
    /// What Verbose and Log said.
    pub(super) said: Vec<String>,
    /// The variables of the caller's channel when its plan ended.
    pub(super) variables: HashMap<String, String>,
    /// Telephones that got an INVITE.
    pub(super) called: Vec<String>,
    pub(super) answered: bool,
    pub(super) refused: Option<u16>,
    /// When the caller's side was over.
    pub(super) ended: Option<Duration>,
    /// All of it, in order, for people.
    pub(super) story: Vec<String>,
}

/// A telephone that was called.
struct Called {
    name: String,
    address: SocketAddr,
    invite: String,
    /// It has given a final response, or the call was cancelled.
    settled: bool,
    up: bool,
}

enum Event {
    /// A datagram to the engine.
    Send(SocketAddr, Vec<u8>),
    /// A telephone, by number, does something.
    Deed(usize, Deed),
    /// The caller gives up.
    CallerHangsUp,
}

struct World<'s> {
    script: &'s Script,
    shard: Shard,
    out: Outbox,
    now: Instant,
    /// By time and number, so that what was first to be is first.
    ahead: BTreeMap<(Instant, usize), Event>,
    number: usize,
    /// Devices by where they are.
    devices: HashMap<SocketAddr, String>,
    caller: Dialog,
    called: Vec<Called>,
    history: History,
}

/// Plays a script to its end.
pub(super) fn play(script: &Script, mut config: Config) -> History {
    let devices = settle(script, &mut config);
    let mut out = Outbox::new(4_096);
    out.set_level(Some(Level::Debug));
    let own = devices
        .iter()
        .find_map(|(address, name)| (*name == script.from).then_some(*address));
    let own = own.unwrap_or(place(0));
    let (name, number) = script.caller.clone().unwrap_or_default();
    let from = match script.caller {
        // A user that is empty is no user (RFC 3261 section 25.1).
        Some(_) if number.is_empty() => format!("\"{name}\" <sip:{ENGINE}>;tag=caller"),
        Some(_) => format!("\"{name}\" <sip:{number}@{ENGINE}>;tag=caller"),
        None => format!("<sip:{}@{ENGINE}>;tag=caller", script.from),
    };
    let mut world = World {
        script,
        shard: Shard::new(Setup {
            unix_start: UnixTime(script.time),
            ..Setup::alone(Arc::new(config), ENGINE)
        }),
        out,
        now: Instant::START,
        ahead: BTreeMap::new(),
        number: 0,
        devices,
        caller: Dialog {
            own,
            target: format!("sip:{}@{ENGINE}", script.to),
            from,
            to: format!("<sip:{}@{ENGINE}>", script.to),
            call_id: "trial".into(),
            branch: "z9hG4bKtrial".into(),
        },
        called: Vec::new(),
        history: History::default(),
    };
    world.run();
    world.history
}

/// Puts every device where the world can reach it, without passwords, lists of
/// addresses and proxies, and without being watched. Returns who is where.
fn settle(script: &Script, config: &mut Config) -> HashMap<SocketAddr, String> {
    let mut places = HashMap::new();
    for (peer, number) in config.peers.iter().zip(1..) {
        places.insert(peer.name.to_string(), place(number));
    }
    if !places.contains_key(&script.from) {
        // Whom nobody knows is a device like any other here.
        let mut stranger = Peer::new(&script.from, PeerKind::Friend);
        stranger
            .context
            .clone_from(&config.general.device(None).context);
        let known = config.peers.iter().map(|peer| Peer::clone(peer));
        config.peers = Peers::new(known.chain([stranger]));
        places.insert(script.from.clone(), place(0));
    }
    config.peers = config.peers.map(|peer| {
        if let Some(address) = places.get(peer.name.as_str()) {
            peer.host = Host::Fixed(*address);
        }
        peer.kind = PeerKind::Friend;
        peer.secret = Secret::None;
        peer.qualify = Qualify::Off;
        peer.acl = Acl::default();
        peer.outboundproxy = None;
        if peer.name == script.from {
            if let Some(context) = &script.context {
                peer.context.clone_from(context);
            }
            if let Some((name, number)) = &script.caller {
                peer.callerid = CallerId {
                    name: name.clone(),
                    number: number.clone(),
                };
            }
            for (name, value) in &script.variables {
                peer.setvar.push((name.clone(), value.clone()));
            }
        }
    });
    let general = &mut config.general;
    general.compactheaders = false;
    general.defaults.acl = Acl::default();
    general.defaults.outboundproxy = None;
    if !general.domains.is_empty() {
        general.domains.push(ENGINE.ip().to_string());
    }
    config.realtime = None;
    places.into_iter().map(|(name, at)| (at, name)).collect()
}

/// An address for a device.
fn place(number: u32) -> SocketAddr {
    let host = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number);
    SocketAddr::new(host.into(), 5060)
}

impl World<'_> {
    fn run(&mut self) {
        self.send(self.caller.own, self.caller.request("INVITE", 1));
        let hangs_up = self.script.acts.iter().find(|act| act.who.is_none());
        if let Some(act) = hangs_up {
            self.after(act.after, Event::CallerHangsUp);
        }
        for _ in 0..MOST_EVENTS {
            let timer = self.shard.deadline();
            let event = self.ahead.keys().next().map(|(at, _)| *at);
            let Some(next) = [timer, event].into_iter().flatten().min() else {
                return;
            };
            if next.since(Instant::START) > LONGEST {
                return;
            }
            self.now = self.now.max(next);
            match event
                .filter(|at| *at <= next)
                .and_then(|_| self.ahead.pop_first())
            {
                Some((_, event)) => self.happen(event),
                None => self.turn(Input::Elapsed),
            }
        }
        self.tell("too much happened; the rest is not followed");
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.number += 1;
        self.ahead.insert((self.now + delay, self.number), event);
    }

    fn send(&mut self, from: SocketAddr, bytes: Vec<u8>) {
        self.after(Duration::ZERO, Event::Send(from, bytes));
    }

    fn tell(&mut self, text: impl AsRef<str>) {
        let at = self.now.since(Instant::START).as_secs_f64();
        self.history
            .story
            .push(format!("{at:8.3} {}", text.as_ref()));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Send(remote, bytes) => {
                let flow = Flow::udp(0, ENGINE, remote);
                self.turn(Input::Datagram {
                    bytes: &bytes,
                    flow,
                });
            }
            Event::Deed(number, deed) => self.act(number, deed),
            Event::CallerHangsUp => self.caller_hangs_up(),
        }
    }

    /// One input of the engine, and what it did about it.
    fn turn(&mut self, input: Input<'_>) {
        self.shard.handle(self.now, input, &mut self.out);
        let notes: Vec<_> = self.out.take_notes().collect();
        for note in notes {
            self.noted(note.level, note.cause, &note.text);
        }
        // Databases and other shards are not part of a trial: what asks them
        // hears nothing and goes on at its deadline.
        self.out.take_envelopes().for_each(drop);
        let sent: Vec<(SocketAddr, String)> = self
            .out
            .sends()
            .map(|(flow, bytes)| (flow.remote, String::from_utf8_lossy(bytes).into_owned()))
            .collect();
        self.out.clear_sends();
        for (to, message) in sent {
            self.arrive(to, &message);
        }
    }

    fn noted(&mut self, level: Level, cause: &str, text: &str) {
        match cause {
            "dialplan" => {
                let call = text.split_once(": ").map_or(text, |(_, call)| call);
                self.history.ran.push(call.into());
                self.tell(text);
            }
            "variables" => {
                let lines = text.lines().filter_map(|line| line.split_once('='));
                self.history.variables = lines
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect();
            }
            "verbose" | "log" => {
                self.history.said.push(text.into());
                self.tell(format!("says {text}"));
            }
            _ if level <= Level::Warn => self.tell(text),
            _ => {}
        }
    }

    /// A message of the engine to somebody.
    fn arrive(&mut self, to: SocketAddr, message: &str) {
        let call_id = phone::header(message, "Call-ID").unwrap_or("");
        if to == self.caller.own && call_id == self.caller.call_id {
            match phone::what(message) {
                Err(status) => self.caller_hears(status, message),
                Ok(method) => self.caller_is_asked(method, message),
            }
            return;
        }
        match phone::what(message) {
            Ok("INVITE") => self.rings(to, message),
            Ok("CANCEL") => self.cancelled(to, call_id, message),
            Ok("BYE") => {
                self.send(to, phone::response(message, 200, "phone", ""));
                if let Some(number) = self.find(call_id) {
                    self.called[number].up = false;
                    self.tell(format!("{} is hung up", self.called[number].name));
                }
            }
            Ok("ACK") | Err(_) => {}
            Ok(_) => self.send(to, phone::response(message, 200, "phone", "")),
        }
    }

    fn find(&self, call_id: &str) -> Option<usize> {
        let known = |called: &Called| phone::header(&called.invite, "Call-ID") == Some(call_id);
        self.called.iter().position(known)
    }

    /// Somebody is called, or asked again within a call.
    fn rings(&mut self, to: SocketAddr, invite: &str) {
        let call_id = phone::header(invite, "Call-ID").unwrap_or("");
        if let Some(number) = self.find(call_id) {
            if self.called[number].up {
                let contact = format!("sip:phone@{to}");
                self.send(to, phone::response(invite, 200, "phone", &contact));
            }
            return;
        }
        let name = match self.devices.get(&to) {
            Some(name) => format!("SIP/{name}"),
            None => {
                let uri = invite.split(' ').nth(1).unwrap_or("");
                format!("SIP/{}", uri.trim_start_matches("sip:"))
            }
        };
        self.tell(format!("{name} is called"));
        self.history.called.push(name.clone());
        let number = self.called.len();
        let acts: Vec<_> = self
            .script
            .acts
            .iter()
            .filter(|act| act.who.as_ref() == Some(&name) && act.deed != Deed::HangUp)
            .cloned()
            .collect();
        if acts.is_empty() {
            self.after(Duration::ZERO, Event::Deed(number, Deed::Ring));
        }
        for act in acts {
            self.after(act.after, Event::Deed(number, act.deed));
        }
        self.called.push(Called {
            name,
            address: to,
            invite: invite.into(),
            settled: false,
            up: false,
        });
    }

    fn cancelled(&mut self, to: SocketAddr, call_id: &str, cancel: &str) {
        self.send(to, phone::response(cancel, 200, "phone", ""));
        let Some(number) = self.find(call_id) else {
            return;
        };
        let called = &mut self.called[number];
        if !called.settled {
            called.settled = true;
            let refusal = phone::response(&called.invite, 487, "phone", "");
            let name = called.name.clone();
            self.send(to, refusal);
            self.tell(format!("{name} rings no more"));
        }
    }

    fn act(&mut self, number: usize, deed: Deed) {
        let called = &mut self.called[number];
        let name = called.name.clone();
        let contact = format!("sip:phone@{}", called.address);
        let (status, contact) = match deed {
            Deed::HangUp if called.up => {
                called.up = false;
                let bye = bye_of(called, number);
                let address = called.address;
                self.tell(format!("{name} hangs up"));
                self.send(address, bye);
                return;
            }
            _ if called.settled => return,
            Deed::HangUp => return,
            Deed::Ring => (180, contact),
            Deed::Answer => (200, contact),
            Deed::Refuse(status, to) => (status, to.unwrap_or_default()),
        };
        called.settled = status >= 200;
        called.up = status == 200;
        let answer = phone::response(&called.invite, status, "phone", &contact);
        let address = called.address;
        self.tell(format!("{name} says {status}"));
        self.send(address, answer);
        if status == 200 {
            let hangs_up = |act: &&super::script::Act| {
                act.who.as_ref() == Some(&name) && act.deed == Deed::HangUp
            };
            if let Some(act) = self.script.acts.iter().find(hangs_up) {
                self.after(act.after, Event::Deed(number, Deed::HangUp));
            }
        }
    }

    fn caller_hears(&mut self, status: u16, message: &str) {
        let invite = phone::header(message, "CSeq") == Some("1 INVITE");
        if status < 200 || !invite {
            return;
        }
        if let Some(to) = phone::header(message, "To") {
            self.caller.to = to.into();
        }
        if status >= 300 {
            self.tell(format!("the caller is refused with {status}"));
            self.history.refused = Some(status);
            self.over();
            self.send(self.caller.own, self.caller.ack_refusal(1));
            return;
        }
        if !self.history.answered {
            self.tell("the caller is answered");
        }
        self.history.answered = true;
        if let Some(contact) = phone::header(message, "Contact") {
            self.caller.target = phone::uri(contact).into();
        }
        self.send(self.caller.own, self.caller.request("ACK", 1));
    }

    fn caller_is_asked(&mut self, method: &str, request: &str) {
        if method == "ACK" {
            return;
        }
        let contact = format!("sip:phone@{}", self.caller.own);
        let answer = phone::response(request, 200, "caller", &contact);
        self.send(self.caller.own, answer);
        if method == "BYE" {
            self.tell("the caller is hung up");
            self.over();
        }
    }

    fn caller_hangs_up(&mut self) {
        if self.history.ended.is_some() {
            return;
        }
        self.tell("the caller hangs up");
        let request = match self.history.answered {
            true => self.caller.request("BYE", 2),
            false => self.caller.request("CANCEL", 1),
        };
        self.send(self.caller.own, request);
        if self.history.answered {
            self.over();
        }
    }

    /// The caller's side is over.
    fn over(&mut self) {
        let now = self.now.since(Instant::START);
        self.history.ended.get_or_insert(now);
    }
}

/// BYE of a telephone that was called, which may have been called before: the
/// `number` of the call keeps the requests apart.
fn bye_of(called: &Called, number: usize) -> Vec<u8> {
    let value = |name| phone::header(&called.invite, name).unwrap_or("").to_owned();
    let dialog = Dialog {
        own: called.address,
        target: phone::uri(&value("Contact")).into(),
        from: format!("{};tag=phone", value("To")),
        to: value("From"),
        call_id: value("Call-ID"),
        branch: format!("z9hG4bK{number}-{}", called.address.ip()),
    };
    dialog.request("BYE", 1)
}
