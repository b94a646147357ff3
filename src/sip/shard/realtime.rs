//! What waits for the database, and what its answers change. The shard asks
//! and goes on; whatever waits is parked with the errand and resumed by the
//! outcome, which a deadline brings if nobody else does.
//!
//! - A datagram whose sender nobody here knows is kept and handled afresh when
//!   the sender is known.
//! - The home shard of an AoR takes what a row says of its contacts over into
//!   its bindings, unless it knows better.
//! - A registration is answered when it has been saved.

use alloc::sync::Arc;
use core::time::Duration;

use super::arrival::Arrival;
use super::pending::{Asked, TRY};
use super::reply::{RETRY_AFTER_S, Reply};
use super::shard::Shard;
use crate::base::{Instant, Text, Transport, shard_of};
use crate::call::{Alarm, Ask, Asker, Resume, Unsaved, Waiting};
use crate::config::{Peer, Realtime};
use crate::devices::{BRIEFLY, PROBE};
use crate::machine::realtime::{Errand, Known, Outcome, Registration, Saving};
use crate::machine::{Answer, DATABASE, Outbox, Question, QuestionId, Topic, What};
use crate::method::Extra;
use crate::registrar::{Binding, Refusal, Texts, Update};
use crate::wire::{Fields, HeaderName, Message, Method, Status, Uri};

/// Bytes of datagrams that may wait at once.
const MOST_WAITING_BYTES: usize = 64 << 20;

/// The name of a question that is not answered.
pub(super) const NOBODY: QuestionId = QuestionId {
    slot: u32::MAX,
    generation: u32::MAX,
};

/// How long copies of a request may be on their way: 64·T1.
const LONGEST: Duration = Duration::from_secs(32);

/// How much longer than the database's own deadline its answer is waited for.
pub(super) const LEEWAY: Duration = Duration::from_millis(200);

impl Shard {
    /// Keeps a request until it is known what it needs.
    pub(super) fn await_errand(
        &mut self,
        now: Instant,
        errand: Errand,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let bytes = arrival.request.datagram();
        if self.waiting_bytes + bytes.len() > MOST_WAITING_BYTES {
            self.exchange.counters.questions_refused += 1;
            self.turn_away(now, arrival, out);
            return;
        }
        let mut credentials = arrival.request.credentials(HeaderName::Authorization);
        if arrival.request.method() == Method::Invite && credentials.next().is_some() {
            // Nobody knows how long it takes (RFC 3261 §17.2.1). Without
            // credentials it may be a copy of one that got its 401.
            self.reply(arrival, Reply::of(Status::TRYING), out);
        }
        let number = arrival.identity.number();
        self.waiting.insert(number);
        self.waiting_bytes += bytes.len();
        let waiting = Waiting {
            bytes: bytes.into(),
            flow: arrival.flow,
            number,
        };
        self.run_errand(now, errand, Resume::Datagram(Box::new(waiting)), out);
    }

    /// Takes a request out of the waiting room. False, and it is answered, if
    /// it was cancelled there.
    fn waits_no_more(&mut self, now: Instant, waiting: &Waiting, out: &mut Outbox) -> bool {
        self.waiting.remove(&waiting.number);
        self.waiting_bytes -= waiting.bytes.len();
        let cancelled = self.cancelled.remove(&waiting.number);
        if cancelled {
            self.with_waiting(now, waiting, out, |shard, arrival, out| {
                shard.reply_once(now, arrival, Reply::of(Status::REQUEST_TERMINATED), out);
            });
        }
        !cancelled
    }

    /// Puts an errand to the database.
    pub(super) fn run_errand(
        &mut self,
        now: Instant,
        errand: Errand,
        resume: Resume,
        out: &mut Outbox,
    ) {
        let config = &self.exchange.config;
        let rules = config.realtime.as_ref();
        let whole = rules.map_or(Duration::ZERO, |rules| rules.timeout + LEEWAY);
        let stale = self.exchange.devices.can_do_without(now, config, &errand);
        let (wait, linger) = match stale {
            true => (BRIEFLY.min(whole), whole.saturating_sub(BRIEFLY)),
            false => (whole, Duration::ZERO),
        };
        self.exchange.counters.errands += 1;
        self.record(now, &resume, What::Asked(Topic::Device));
        let question = Question::Errand(errand);
        let ask = Ask {
            question: question.clone(),
            resume,
        };
        match self.pending.park_lingering(now, ask, wait, linger) {
            Ok(id) => self.forward_question(DATABASE, id, question, out),
            Err(ask) => {
                self.exchange.counters.questions_refused += 1;
                let refused = Asked { ask, asked: now };
                let answer = Answer::Outcome(Outcome::Refused);
                self.resume(now, refused, Some(answer), out);
            }
        }
    }

    /// Goes on with what waited for an errand.
    pub(super) fn errand_done(
        &mut self,
        now: Instant,
        asked: Instant,
        errand: Errand,
        resume: Resume,
        outcome: Outcome,
        out: &mut Outbox,
    ) {
        if matches!(outcome, Outcome::Unavailable | Outcome::Refused) {
            self.exchange.counters.errands_failed += 1;
            self.errand_failed(now, &errand, &outcome, &resume);
            self.go_on_without(now, errand, resume, out);
            return;
        }
        self.learn(now, asked, &errand, outcome);
        match resume {
            Resume::Datagram(waiting) => {
                if self.waits_no_more(now, &waiting, out) {
                    self.exchange.waited = Some(now.since(asked));
                    self.message(now, &waiting.bytes, waiting.flow, out);
                    self.exchange.waited = None;
                }
            }
            Resume::Saved(unsaved) => {
                if let Errand::Save(saving) = &errand {
                    self.written.insert(now, saving.name.clone(), self.memory());
                }
                let Unsaved {
                    asker,
                    question,
                    bindings,
                } = *unsaved;
                let answer = Answer::Registered(Ok(bindings));
                self.answer(now, asker, question, answer, out);
            }
            resume => self.go_on(now, &errand, resume, out),
        }
    }

    /// Whoever waits goes on with what is stale; the answer may still come.
    pub(super) fn late(&mut self, now: Instant, asked: Asked, out: &mut Outbox) {
        let Asked { ask, asked } = asked;
        let Question::Errand(errand) = ask.question else {
            return;
        };
        let unheard = What::Heard(Topic::Device, false, now.since(asked));
        self.record(now, &ask.resume, unheard);
        self.exchange.devices.database_is_slow();
        self.arrange_probe(now);
        self.go_on_without(now, errand, ask.resume, out);
    }

    /// What a failure says of the database. Registrations fail for reasons of
    /// their own, and what found no room says nothing.
    fn errand_failed(&mut self, now: Instant, errand: &Errand, outcome: &Outcome, resume: &Resume) {
        let lookup = matches!(errand, Errand::Peer(_) | Errand::PeersAt(_));
        let down = lookup && matches!(outcome, Outcome::Unavailable);
        if down {
            self.exchange.devices.database_is_down();
        }
        if down || matches!(resume, Resume::Probe) {
            self.arrange_probe(now);
        }
    }

    fn arrange_probe(&mut self, now: Instant) {
        if self.exchange.devices.arranges_probe() {
            self.exchange.alarms.set(now, PROBE, Alarm::Probe);
        }
    }

    /// Goes on with what waited in vain.
    fn go_on_without(&mut self, now: Instant, errand: Errand, resume: Resume, out: &mut Outbox) {
        let config = &self.exchange.config;
        let stale = self.exchange.devices.can_do_without(now, config, &errand);
        match resume {
            Resume::Datagram(waiting) => {
                if !self.waits_no_more(now, &waiting, out) {
                    return;
                }
                if stale {
                    let before = self.exchange.devices.excuse(errand);
                    self.message(now, &waiting.bytes, waiting.flow, out);
                    self.exchange.devices.unexcuse(before);
                } else {
                    self.with_waiting(now, &waiting, out, |shard, arrival, out| {
                        shard.turn_away(now, arrival, out);
                    });
                }
            }
            Resume::Saved(unsaved) => {
                let answer = Answer::Registered(Err(Refusal::Unsaved));
                self.answer(now, unsaved.asker, unsaved.question, answer, out);
            }
            resume => {
                let before = self.exchange.devices.excuse(errand.clone());
                self.go_on(now, &errand, resume, out);
                self.exchange.devices.unexcuse(before);
            }
        }
    }

    /// Goes on with a question or a channel, with what is known of the device.
    fn go_on(&mut self, now: Instant, errand: &Errand, resume: Resume, out: &mut Outbox) {
        match resume {
            Resume::Consider { asker, question } => {
                // Nothing of what the database is asked for first has to wait again.
                if let Some(answer) = self.decide(now, &question, None, out) {
                    self.answer(now, asker, *question, answer, out);
                }
            }
            Resume::Device(call, channel) => {
                let Errand::Peer(name) = errand else { return };
                let devices = &self.exchange.devices;
                let found = devices.by_name(now, &self.exchange.config, name);
                let found = found.map(Option::<&_>::cloned).map_err(drop);
                self.with_call(now, None, call, out, |call, turn| {
                    call.device_found(turn, channel, found)
                });
            }
            _ => {}
        }
    }

    /// Remembers what the database said.
    fn learn(&mut self, now: Instant, asked: Instant, errand: &Errand, outcome: Outcome) {
        match (errand, outcome) {
            (Errand::Peer(name), Outcome::Peer(known)) => {
                self.exchange
                    .devices
                    .learn(now, name.clone(), known.clone());
                let restored = known.is_some_and(|known| self.restore(now, asked, name, &known));
                if !restored {
                    self.watch_known(now, name);
                }
            }
            (Errand::PeersAt(source), Outcome::Peers(there)) => {
                self.exchange.devices.learn_at(now, *source, there);
            }
            _ => {}
        }
    }

    /// Watches the contacts of a device that is known now, where it shall be.
    fn watch_known(&mut self, now: Instant, aor: &Text) {
        let at_home = shard_of(aor, self.exchange.shards) == self.exchange.shard;
        let watched = |peer: &Arc<Peer>| peer.is_watched();
        if at_home && self.exchange.device(aor).is_some_and(watched) {
            let bindings = self.location.bindings(now, aor);
            self.watch_bindings(now, aor, &[], &bindings);
        }
    }

    /// The database did not answer a while ago: whether it does now.
    pub(super) fn probe(&mut self, now: Instant, out: &mut Outbox) {
        if self.exchange.devices.probes() {
            self.run_errand(now, Errand::Peer(Text::new()), Resume::Probe, out);
        }
    }

    /// Whether a question for this shard takes the database's help.
    pub(super) fn takes_the_database(&self, now: Instant, question: &Question) -> bool {
        match question {
            Question::Bindings(aor) => self.row_first(now, aor).is_some(),
            Question::Register(update) => self.waits_for_database(now, update),
            _ => false,
        }
    }

    /// Has the database help with such a question.
    pub(super) fn consider(
        &mut self,
        now: Instant,
        question: Question,
        asker: Asker,
        out: &mut Outbox,
    ) {
        match &question {
            Question::Register(update) if self.is_kept(update) => {
                match self.register(now, update) {
                    Ok(bindings) => {
                        let (aor, bindings) = (update.aor.clone(), bindings.into_vec());
                        let watched = update.watched;
                        let unsaved = Unsaved {
                            asker,
                            question,
                            bindings,
                        };
                        let resume = Resume::Saved(Box::new(unsaved));
                        self.save(now, &aor, false, resume, out);
                        self.meet(now, &aor, watched, out);
                    }
                    Err(refusal) => {
                        let answer = Answer::Registered(Err(refusal));
                        self.answer(now, asker, question, answer, out);
                    }
                }
            }
            // A look at the bindings, or a REGISTER that is one.
            Question::Bindings(aor) => self.consider_row(now, aor.clone(), question, asker, out),
            Question::Register(update) => {
                self.consider_row(now, update.aor.clone(), question, asker, out)
            }
            _ => {}
        }
    }

    /// Another shard knows whose contacts are now here: so must this one, to
    /// watch them.
    fn meet(&mut self, now: Instant, aor: &Text, watched: bool, out: &mut Outbox) {
        if watched && self.exchange.device(aor).is_none() {
            let errand = Errand::Peer(aor.clone());
            self.run_errand(now, errand, Resume::Nobody, out);
        }
    }

    fn consider_row(
        &mut self,
        now: Instant,
        aor: Text,
        question: Question,
        asker: Asker,
        out: &mut Outbox,
    ) {
        if let Some(errand) = self.row_first(now, &aor) {
            let question = Box::new(question);
            let resume = Resume::Consider { asker, question };
            self.run_errand(now, errand, resume, out);
        }
    }

    /// What must be read before the bindings of an AoR are known.
    fn row_first(&self, now: Instant, aor: &Text) -> Option<Errand> {
        self.exchange
            .devices
            .by_name(now, &self.exchange.config, aor)
            .err()
    }

    /// Whether a REGISTER at its home has to wait.
    pub(super) fn waits_for_database(&self, now: Instant, update: &Update) -> bool {
        self.is_kept(update) || self.row_first(now, &update.aor).is_some()
    }

    /// Whether what an update changes is to be saved.
    pub(super) fn is_kept(&self, update: &Update) -> bool {
        (update.remove_all || !update.contacts.is_empty()) && self.keeps(&update.aor)
    }

    fn keeps(&self, aor: &[u8]) -> bool {
        let config = &self.exchange.config;
        config
            .realtime
            .as_ref()
            .is_some_and(|rules| match config.peers.by_name(aor) {
                Some(_) => rules.keeps_static,
                None => rules.update,
            })
    }

    /// Contacts of an AoR whose time is out have been dropped.
    pub(super) fn expired(&mut self, now: Instant, aor: &Text, out: &mut Outbox) {
        let rules = self.exchange.config.realtime.as_ref();
        if rules.is_some_and(|rules| !rules.ignoreregexpire) && self.keeps(aor) {
            self.save(now, aor, true, Resume::Nobody, out);
        }
    }

    /// Has the database remember the contacts an AoR has now.
    pub(super) fn save(
        &mut self,
        now: Instant,
        aor: &Text,
        expired: bool,
        resume: Resume,
        out: &mut Outbox,
    ) {
        self.written.insert(now, aor.clone(), self.memory());
        let mut contacts: Vec<Registration> = Vec::new();
        self.location.lookup(now, aor, &mut |binding| {
            // What another node holds is that one's to write.
            if binding.node.is_none() {
                contacts.push(self.exchange.registration(now, binding));
            }
        });
        let saving = Saving {
            name: aor.clone(),
            contacts,
            expired,
        };
        self.run_errand(now, Errand::Save(Arc::new(saving)), resume, out);
    }

    /// Has the database remember how watched devices answer now, or no more.
    pub(super) fn save_turns(&mut self, out: &mut Outbox) {
        while let Some((name, ms)) = self.qualifier.take_turn() {
            let stored = self.exchange.config.peers.by_name(&name).is_none();
            if stored && self.keeps(&name) {
                let errand = Errand::Lastms { name, ms };
                let question = Question::Errand(errand);
                self.forward_question(DATABASE, NOBODY, question, out);
            }
        }
    }

    /// Takes over what a row says of an AoR whose home this is, unless it was
    /// read before the shard last wrote it; whether it did.
    fn restore(&mut self, now: Instant, asked: Instant, aor: &Text, known: &Known) -> bool {
        let at_home = shard_of(aor, self.exchange.shards) == self.exchange.shard;
        let config = Arc::clone(&self.exchange.config);
        let Some(rules) = &config.realtime else {
            return false;
        };
        let older = self
            .written
            .get(aor)
            .is_some_and(|written| written >= asked);
        if !at_home || !rules.rows_have_contacts || older {
            return false;
        }
        let end = known
            .contacts
            .first()
            .map_or(0, |contact| contact.regseconds.0);
        let mut latest = 0;
        if rules.rows_lag {
            self.location.lookup(now, aor, &mut |binding| {
                latest = latest.max(self.exchange.registration(now, binding).regseconds.0);
            });
        }
        if latest <= end {
            self.take_over(now, aor, &known.contacts);
        }
        latest <= end
    }

    /// Makes the contacts that somebody else remembers those of an AoR.
    pub(super) fn take_over(&mut self, now: Instant, aor: &Text, contacts: &[Registration]) {
        let config = Arc::clone(&self.exchange.config);
        let Some(rules) = &config.realtime else {
            return;
        };
        let remembered = contacts.iter();
        let remembered = remembered.filter_map(|contact| self.bound(now, contact, rules));
        let remembered: Vec<Binding> = remembered.collect();
        let watched = self
            .exchange
            .device(aor)
            .is_some_and(|peer| peer.is_watched());
        let before = match watched {
            true => self.location.bindings(now, aor),
            false => Vec::new(),
        };
        self.location.restore(now, aor, remembered);
        if watched {
            let after = self.location.bindings(now, aor);
            self.watch_bindings(now, aor, &before, &after);
        }
    }

    /// What was remembered, as a binding; `None` if its time is out, or no
    /// socket of ours reaches it.
    pub(super) fn bound(
        &self,
        now: Instant,
        contact: &Registration,
        rules: &Realtime,
    ) -> Option<Binding> {
        let unix = self.exchange.unix(now);
        let left_s = contact.regseconds.0.saturating_sub(unix.0);
        let left = match left_s {
            0 if rules.ignoreregexpire => rules.ttl,
            0 => return None,
            left_s => Duration::from_secs(left_s),
        };
        let flow = match &contact.node {
            Some(node) => self.exchange.ways.to(node.address, Transport::Udp),
            None => {
                let uri = Uri::parse(contact.fullcontact.as_bytes()).ok();
                let named = uri.and_then(|uri| uri.transport()).unwrap_or_default();
                // The connection it came by is gone with the process that had it.
                let literal = uri.and_then(|uri| uri.socket_addr(5060));
                let address = match literal.filter(|_| named.is_reliable()) {
                    Some(literal) => literal,
                    None => contact.address,
                };
                self.exchange.ways.from(contact.local, address, named)
            }
        };
        Some(Binding {
            texts: Texts::new(
                contact.fullcontact.as_bytes(),
                contact.call_id.as_bytes(),
                contact.useragent.as_bytes(),
            ),
            q: contact.q,
            expires: now + left,
            flow: flow?,
            cseq: contact.cseq,
            node: contact.node.clone(),
        })
    }

    /// How long after a write a row may turn up that was read before it.
    pub(super) fn memory(&self) -> Duration {
        let rules = self.exchange.config.realtime.as_ref();
        let timeout = rules.map(|rules| rules.timeout);
        2 * timeout.unwrap_or(TRY) + LEEWAY
    }

    /// Does `work` with a request that waited and has not been answered.
    fn with_waiting(
        &mut self,
        now: Instant,
        waiting: &Waiting,
        out: &mut Outbox,
        work: impl FnOnce(&mut Shard, &Arrival<'_>, &mut Outbox),
    ) {
        let mut fields = Fields::new();
        if let Ok(mut request) = Message::parse(&waiting.bytes, &mut fields)
            && request.check().is_ok()
            && let Some(arrival) = self.unanswered(now, &request, waiting.flow, out)
        {
            work(self, &arrival, out);
        }
    }

    /// Answers that the database is of no use now, and keeps nothing but the
    /// number of the request: there may be many of them.
    pub(super) fn turn_away(&mut self, now: Instant, arrival: &Arrival<'_>, out: &mut Outbox) {
        self.turned_away
            .insert(now, arrival.identity.number(), LONGEST);
        let extra = Extra::RetryAfter(RETRY_AFTER_S);
        let reply = Reply::of(Status::SERVICE_UNAVAILABLE).with(extra);
        self.reply(arrival, reply, out);
    }
}
