//! A call, from its first INVITE to its last BYE.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::departure::Former;
use super::diversion;
use super::exchange::{Exchange, LegRef, Turn};
use super::flight_recorder::FlightRecorder;
use super::functions::Told;
use super::holdings::Holdings;
use super::kept::Kept;
use super::ledger::Ledger;
use super::leg::{Leg, LegState};
use super::originate::Originating;
use super::outbound::Channel;
use super::reoffer::Reoffer;
use super::resume::Resume;
use super::run::{Called, News, Other, Others, Run, RunId};
use super::tech::ChannelTech;
use crate::auth::node;
use crate::base::{AddressText, Flow, Handle, Instant, Label, Level, Text, UnixTime, lossy};
use crate::config::{Peer, Presentation};
use crate::dialog::{Dialog, OutOfOrder, Role, RouteSet, Sayings, contact_uri};
use crate::dialplan::{
    Cause, ChannelId, Cursor, Forward, Indication, Party, PartyField, Place, Plan, Variables,
};
use crate::machine::{Lease, Topic, What};
use crate::transaction::TransactionId;
use crate::wire::{Message, Status, Writer};

/// Methods this engine takes, for Allow.
pub const ALLOW: &[u8] = b"INVITE, ACK, CANCEL, OPTIONS, BYE, REGISTER, INFO, MESSAGE";

/// The same while the registrar is not loaded.
pub const ALLOW_BUT_REGISTER: &[u8] = b"INVITE, ACK, CANCEL, OPTIONS, BYE, INFO, MESSAGE";

/// Whom a call is from.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The number, as a URI's user part has it.
    pub number: Label,
    /// The display name, without quotes; perhaps empty.
    pub name: Label,
    /// Whether the number may be shown.
    pub presentation: Presentation,
}

impl Caller {
    /// Tells a plan whether the number may be shown.
    pub(super) fn tell_presentation(&self, cursor: &mut Cursor) {
        if self.presentation == Presentation::default() {
            return;
        }
        let octet = self.presentation.octet().to_string();
        for field in [PartyField::NamePresentation, PartyField::NumberPresentation] {
            cursor.set_party(Party::Caller, field, &octet);
        }
    }
}

/// What the admission of an INVITE found out about it.
pub struct Opening {
    /// The device that calls; `None` for a guest.
    pub peer: Option<Arc<Peer>>,
    /// Whom the call is from.
    pub caller: Caller,
    /// Where its plan starts.
    pub context: Text,
    /// The extension dialled.
    pub exten: Text,
    /// Max-Forwards left for the next leg.
    pub max_forwards: u8,
    /// Requests inside the dialog go to the source of this one (`nat`).
    pub pinned: bool,
    /// Another node has brought it: the callee's own contacts ring, and no plan
    /// of an operator's is asked.
    pub from_node: bool,
}

/// Ends a message with a body, or without one when there are no bytes.
pub fn end_with(writer: Writer<'_>, content_type: &[u8], body: &[u8]) {
    if body.is_empty() {
        writer.end();
    } else {
        writer.end_with_body(content_type, body);
    }
}

/// How callees have refused.
#[derive(Debug)]
pub struct Refused {
    /// The last channel that failed.
    pub channel: ChannelId,
    /// The final response it failed by.
    pub status: Status,
    /// The best of those of all channels dialled together (RFC 3261 §16.7).
    pub best: Status,
    /// Where its callee wants to be rung.
    pub forward: Option<Forward>,
}

/// A request relayed inside the dialogs, from one leg to the other.
pub struct Relay {
    /// The sender's transaction.
    pub server: TransactionId,
    /// What its answers and another try of an INVITE are made from.
    pub kept: Box<Kept>,
    /// Ours, towards the other leg; `None` while waiting to try again.
    pub client: Option<TransactionId>,
    /// The sender's leg.
    pub from: u16,
    /// The leg it goes to.
    pub to: u16,
    /// The sender's CSeq number.
    pub cseq: u32,
    /// INVITE or another.
    pub invite: bool,
    /// Where the sender of an INVITE is once it is answered 2xx, if elsewhere.
    pub target: Option<Box<Text>>,
    /// Max-Forwards of what is sent on.
    pub max_forwards: u8,
    /// Times a 491 was met.
    pub tries: u8,
}

/// A call: the caller's leg, the legs opened for it, the plan that runs it.
pub struct Call {
    /// Its own name.
    pub(super) handle: Handle,
    /// What its channels' names have in common, and so the way to it for whoever
    /// knows a name.
    pub(super) number: u32,
    /// When it began, and the number of the caller's channel: `UNIQUEID`.
    pub(super) unique: (UnixTime, u64),
    /// The caller's leg first. A leg keeps its index until it has ended.
    pub(super) legs: SmallVec<[Leg; 2]>,
    pub(super) channels: SmallVec<[Channel; 1]>,
    pub(super) next_channel: u32,
    pub(super) next_ticket: u32,
    /// The callee's leg the caller is joined to.
    pub(super) bridge: Option<u16>,
    pub(super) relays: SmallVec<[Relay; 1]>,
    /// A re-INVITE of our own to the caller, without a final response yet.
    pub(super) reoffer: Option<Box<Reoffer>>,
    /// The plan all its runs go through, whatever is loaded meanwhile.
    pub(super) plan: Arc<Plan>,
    /// The caller's run through its plan.
    pub(super) own: Run,
    /// The other runs, once there has been one.
    pub(super) others: Option<Box<Others>>,
    /// What runs have not heard of yet.
    pub(super) news: SmallVec<[(RunId, News); 1]>,
    /// The leg whose response is being handled.
    pub(super) current: Option<u16>,
    /// What the caller was last shown.
    pub(super) indicated: Option<Indication>,
    /// The tag of the caller's dialog for each early dialog beyond the first.
    pub(super) caller_tags: Vec<Text>,
    /// Whether some early dialog took the caller's first tag.
    pub(super) first_tag_taken: bool,
    /// The caller's INVITE, until it has a final response.
    pub(super) unanswered: Option<Box<Kept>>,
    /// Whole header lines passed on to the callees.
    pub(super) passed: Box<[u8]>,
    /// When the caller was sent a 2xx.
    pub(super) answered_at: Option<Instant>,
    /// What functions of the plan may ask for, where it has such.
    pub(super) told: Option<Box<Told>>,
    /// Whom the callees are told the call is from.
    pub(super) caller: Caller,
    pub(super) max_forwards: u8,
    /// Another node has brought it, and no other is brought it.
    pub(super) from_node: bool,
    /// Another call is asked to have the caller's leg: nothing ends it, and its
    /// plan waits, until that is known.
    pub(super) moving: bool,
    pub(super) lease: Option<Box<(Text, Lease)>>,
    /// How the last channel failed.
    pub(super) refused: Option<Box<Refused>>,
    /// The call ends as soon as the caller has acknowledged its 2xx: nobody may
    /// send BYE before that (RFC 3261 §15).
    pub(super) ending: Option<Cause>,
    /// The caller's leg is over and its dialogs are forgotten.
    pub(super) closed: bool,
    /// What its channels hold outside of it; few do.
    pub(super) holdings: Option<Box<Holdings>>,
    /// It has no caller yet: the engine itself begins it.
    pub(super) originating: Option<Box<Originating>>,
    /// Its caller was a callee of another call, and has left that.
    pub(super) former: Option<Box<Former>>,
    /// Its records, where any are made.
    pub(super) ledger: Option<Box<Ledger>>,
    /// What happened to it last; the exchange has it while it is its turn.
    flight: Option<Box<FlightRecorder>>,
}

impl Call {
    /// A call begun by the INVITE of this turn. Nothing is sent yet.
    pub fn new(turn: &mut Turn<'_>, opening: &Opening, kept: Box<Kept>) -> Option<Call> {
        let (request, flow) = turn.message?;
        let dialog = caller_dialog(turn, request, flow, opening)?;
        let leg = Leg::new(dialog, opening.peer.clone(), ChannelId(0));
        let plan = Arc::clone(plan_for(turn, opening));
        let mut call = Call::of(turn.now, turn.exchange, leg, opening.caller.clone());
        call.unanswered = Some(kept);
        call.passed = passed_headers(turn, request).into();
        call.told = Told::of(&plan, request);
        call.plan = plan;
        call.max_forwards = opening.max_forwards;
        call.from_node = opening.from_node;
        Some(call)
    }

    /// A call with that leg for its caller's, and the plan of all calls.
    pub(super) fn of(now: Instant, exchange: &mut Exchange, leg: Leg, caller: Caller) -> Call {
        Call {
            handle: Handle {
                slot: 0,
                generation: 0,
            },
            number: 0,
            unique: (exchange.unix(now), exchange.serial()),
            legs: smallvec![leg],
            channels: SmallVec::new(),
            next_channel: 1,
            next_ticket: 0,
            bridge: None,
            relays: SmallVec::new(),
            reoffer: None,
            plan: Arc::clone(&exchange.config.plan),
            own: Run::default(),
            others: None,
            news: SmallVec::new(),
            current: None,
            indicated: None,
            caller_tags: Vec::new(),
            first_tag_taken: false,
            unanswered: None,
            passed: Box::default(),
            answered_at: None,
            told: None,
            caller,
            max_forwards: exchange.config.general.defaults.maxforwards,
            from_node: false,
            moving: false,
            lease: None,
            refused: None,
            ending: None,
            closed: false,
            holdings: None,
            originating: None,
            former: None,
            ledger: None,
            flight: Some(FlightRecorder::begin(&mut exchange.flights, now)),
        }
    }

    /// Tells a call its name.
    pub(super) fn begin(&mut self, turn: &mut Turn<'_>, handle: Handle) {
        self.handle = handle;
        self.number = turn.exchange.number_of(handle);
        turn.exchange.counters.calls_begun += 1;
    }

    /// Tells a call its name, enters its dialog, and asks for a place in the
    /// caller's call limit where there is one; else starts the plan.
    pub fn open(
        &mut self,
        turn: &mut Turn<'_>,
        handle: Handle,
        server: TransactionId,
        opening: &Opening,
    ) {
        self.begin(turn, handle);
        if let Some(waited) = turn.exchange.waited {
            turn.record(What::Heard(Topic::Device, true, waited));
        }
        turn.record_message(0);
        let owner = LegRef {
            call: handle,
            leg: 0,
        };
        if let Some(leg) = self.legs.first_mut() {
            leg.invite = Some(server);
            turn.exchange
                .dialogs
                .insert(leg.dialog.call_id(), leg.dialog.local_tag(), owner);
        }
        let mut cursor = self.cursor_for(turn, opening);
        self.keep_ledger(turn, &mut cursor);
        self.own = Run::of(cursor);
        let peer = opening.peer.as_ref();
        match peer.and_then(|peer| Some((peer, peer.most_calls()?))) {
            Some((peer, limit)) => {
                let place = turn.ask_for_place(peer, limit, Resume::AdmitCaller(handle));
                self.lease = Some(place);
            }
            None => self.start(turn),
        }
    }

    /// The answer to the question `open` may have put. False if the call is over
    /// and its place must be given back.
    pub fn admitted(&mut self, turn: &mut Turn<'_>, admitted: bool) -> bool {
        if self.is_closed() {
            return false;
        }
        if admitted {
            self.start(turn);
        } else {
            turn.exchange.counters.calls_limited += 1;
            let status = Status::TEMPORARILY_UNAVAILABLE;
            let reason = "Temporarily Unavailable (Call limit)";
            self.final_response(turn, status, Some(reason), Cause::NONE);
            self.hang_up(turn, Cause::NONE);
        }
        true
    }

    fn cursor_for(&self, turn: &Turn<'_>, opening: &Opening) -> Cursor {
        let place = Place {
            context: &opening.context.lossy(),
            exten: &opening.exten.lossy(),
            caller: &self.caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        let plan = Arc::clone(&self.plan);
        let mut cursor = Cursor::new(
            plan,
            place,
            &self.caller.name.lossy(),
            &turn.exchange.limits,
        );
        self.caller.tell_presentation(&mut cursor);
        let set = |cursor: &mut Cursor, name: &str, value: &str| {
            // A full table of variables keeps what it has, as a plan's Set does.
            let _ = cursor.variables_mut().set(name, value);
        };
        if let Some((request, _)) = turn.message
            && let Some(uri) = request.parsed_request_uri()
        {
            set(&mut cursor, "SIPDOMAIN", &lossy(uri.host));
            diversion::tell(request, &uri, &mut cursor);
        }
        for (name, value) in opening.peer.iter().flat_map(|peer| &peer.setvar) {
            set(&mut cursor, name, value);
        }
        cursor
    }

    /// What the plan may ask of the caller's channel by name.
    pub(super) fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let leg = self.legs.first()?;
        Some(match name {
            "CHANNEL" => Cow::Owned(self.channel_name(0)?.into()),
            "LINKEDID" => Cow::Owned(self.linked_id()),
            "UNIQUEID" => Cow::Owned(self.unique_id(None)),
            "SIPCALLID" => lossy(leg.dialog.call_id()),
            "SIPURI" => lossy(leg.dialog.target()),
            _ => return None,
        })
    }

    /// What a run beside the caller's may ask of its channel by name.
    pub(super) fn variable_of_run(&self, run: &Other, name: &str) -> Option<Cow<'_, str>> {
        if !matches!(
            name,
            "CHANNEL" | "LINKEDID" | "UNIQUEID" | "SIPCALLID" | "SIPURI"
        ) {
            return None;
        }
        let channel = self.channel(run.channel);
        let now = channel.map(|channel| self.names_of(channel, run.far));
        let called = now.as_ref().or(run.called.as_deref())?;
        Some(Cow::Owned(match name {
            "CHANNEL" => called.name.to_string(),
            "LINKEDID" => self.linked_id(),
            "UNIQUEID" => called.unique_id.clone(),
            "SIPCALLID" => called.leg.as_ref()?.0.clone(),
            _ => called.leg.as_ref()?.1.clone(),
        }))
    }

    /// What a channel is called, or the far end of a Local one.
    pub(super) fn names_of(&self, channel: &Channel, far: bool) -> Called {
        let leg = self.legs.iter().find(|leg| leg.channel == channel.id);
        let dialog = leg.map(|leg| &leg.dialog);
        let lossy = |text| lossy(text).into_owned();
        Called {
            name: match far {
                true => channel.far_name(self.number),
                false => channel.name(self.number),
            },
            unique_id: self.unique_id(Some(channel)),
            leg: dialog.map(|dialog| (lossy(dialog.call_id()), lossy(dialog.target()))),
        }
    }

    /// `UNIQUEID` of a channel; `None` for the caller's.
    pub(super) fn unique_id(&self, channel: Option<&Channel>) -> String {
        let (began, caller) = self.unique;
        let serial = channel.map_or(caller, |channel| channel.serial);
        format!("{}.{serial}", began.0)
    }

    /// `LINKEDID` of its channels.
    pub(super) fn linked_id(&self) -> String {
        let (began, serial) = self.linked();
        format!("{}.{serial}", began.0)
    }

    /// Whether the caller has been sent a 2xx.
    pub fn is_answered(&self) -> bool {
        self.legs.first().is_some_and(Leg::is_up)
    }

    /// Whether a request with that From tag belongs to leg `index`.
    pub fn is_dialog(&self, index: u16, remote_tag: &[u8]) -> bool {
        self.leg(index)
            .is_some_and(|leg| leg.state != LegState::Ended && leg.dialog.matches(remote_tag))
    }

    /// Whether leg `index` answers and sends to where its remote was seen.
    pub fn is_pinned(&self, index: u16) -> bool {
        self.leg(index).is_some_and(|leg| leg.dialog.pinned)
    }

    /// Our tag on leg `index`.
    pub fn local_tag(&self, index: u16) -> Text {
        self.leg(index)
            .map(|leg| Text::from(leg.dialog.local_tag()))
            .unwrap_or_default()
    }

    /// Takes the CSeq number of a request on leg `index`.
    pub fn accept(&mut self, index: u16, cseq: u32) -> Result<(), OutOfOrder> {
        self.leg_mut(index)
            .map_or(Ok(()), |leg| leg.dialog.accept(cseq))
    }

    /// Lends its flight recorder, or takes it back.
    pub fn flight(&mut self) -> &mut Option<Box<FlightRecorder>> {
        &mut self.flight
    }

    /// What happened to it last.
    pub fn recorded(&self) -> Option<&FlightRecorder> {
        self.flight.as_deref()
    }

    /// Whether nothing is left to wait for: the shard removes it.
    pub fn is_over(&self) -> bool {
        self.closed && !self.has_runs() && self.legs.iter().all(|leg| leg.bye_owed.is_none())
    }

    /// Whether the caller's leg is over.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The technology of a channel.
    pub(super) fn tech_of(&self, channel: ChannelId) -> Option<&'static dyn ChannelTech> {
        self.channel(channel).map(|channel| channel.tech)
    }

    pub(super) fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// Whether one of its channels has a place in a call limit by that lease.
    pub fn has_place(&self, lease: Lease) -> bool {
        let dialled = self.channels.iter().map(|channel| &channel.lease);
        let mut places = dialled.chain([&self.lease]).flatten();
        places.any(|place| place.1 == lease)
    }

    pub(super) fn channel_mut(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    pub(super) fn leg(&self, index: u16) -> Option<&Leg> {
        self.legs.get(usize::from(index))
    }

    pub(super) fn leg_mut(&mut self, index: u16) -> Option<&mut Leg> {
        self.legs.get_mut(usize::from(index))
    }

    /// The caller's Call-ID: what the call is known by in the log.
    pub(super) fn call_id(&self) -> &[u8] {
        self.legs
            .first()
            .map(|leg| leg.dialog.call_id())
            .unwrap_or_default()
    }

    /// Leaves a note about this call.
    pub(super) fn note(
        &self,
        turn: &mut Turn<'_>,
        level: Level,
        cause: &'static str,
        text: impl FnOnce() -> String,
    ) {
        turn.out.note_on(self.call_id(), level, cause, text);
    }
}

/// Content-Type and body of the message being handled.
pub(super) fn body_of<'a>(turn: &Turn<'a>) -> (&'a [u8], &'a [u8]) {
    match turn.message {
        Some((message, _)) => (message.content_type().unwrap_or_default(), message.body()),
        None => (b"", b""),
    }
}

/// The plan a call runs through.
fn plan_for<'t>(turn: &'t Turn<'_>, opening: &Opening) -> &'t Arc<Plan> {
    match opening.from_node {
        true => &turn.exchange.node_plan,
        false => &turn.exchange.config.plan,
    }
}

fn caller_dialog(
    turn: &mut Turn<'_>,
    request: &Message<'_>,
    flow: Flow,
    opening: &Opening,
) -> Option<Dialog> {
    let (from, to) = (request.from().ok()?, request.to().ok()?);
    let mut contact = Text::from("sip:");
    let user = request
        .parsed_request_uri()
        .map_or(&b""[..], |uri| uri.user);
    if !user.is_empty() {
        contact.push(user);
        contact.push(b"@");
    }
    let local_tag = turn.exchange.tag();
    let general = &turn.exchange.config.general;
    push_address(&mut contact, general.advertised(&flow));
    contact.push(flow.transport.uri_parameter());
    let target = contact_uri(request);
    let sayings = Sayings {
        call_id: request.call_id(),
        local_tag: &local_tag,
        remote_tag: from.tag().unwrap_or_default(),
        local: &name_addr(to.uri),
        remote: &name_addr(from.uri),
        target: target.unwrap_or(from.uri),
        contact: &contact,
    };
    let mut dialog = Dialog::new(Role::Uas, &sayings, flow);
    dialog.routes = RouteSet::from_request(request);
    dialog.local_cseq = 100;
    dialog.remote_cseq = request.cseq().ok().map(|cseq| cseq.number);
    dialog.pinned = opening.pinned;
    dialog.proxy = general
        .device(opening.peer.as_deref())
        .forced_proxy()
        .map(Box::new);
    if target.is_some() {
        dialog.aim(&turn.exchange.ways);
    }
    Some(dialog)
}

/// `NAME=value`, a line each, of a plan that has come to its end.
pub(super) fn lines(variables: &Variables) -> String {
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.join("\n")
}

/// `<uri>`.
pub fn name_addr(uri: &[u8]) -> Text {
    let mut value = Text::from("<");
    value.push(uri);
    value.push(b">");
    value
}

/// Appends `host:port`.
pub fn push_address(text: &mut Text, address: core::net::SocketAddr) {
    text.push(AddressText::socket(address).as_bytes());
}

/// The header lines `pass_headers` keeps, ready to be written to the callees.
fn passed_headers(turn: &Turn<'_>, request: &Message<'_>) -> Vec<u8> {
    let wanted = &turn.exchange.config.general.pass_headers;
    let mut lines = Vec::new();
    if wanted.is_empty() {
        return lines;
    }
    let mut writer = Writer::new(&mut lines, false);
    for (name, value) in request.others() {
        let proof = name.eq_ignore_ascii_case(node::HEADER.as_bytes());
        if !proof
            && wanted
                .iter()
                .any(|pattern| pattern_matches(pattern.as_bytes(), name))
        {
            writer.other(name, value);
        }
    }
    lines
}

fn pattern_matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        Some(prefix) => name
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}
