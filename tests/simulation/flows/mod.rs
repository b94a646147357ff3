//! Named promises, one test each: a fair-weather world of two shards, phones
//! that do what the test says, and what the wire must show.
//!
//! Owns the words the flows are told in.

mod answer;
mod call;
mod callees;
mod cancel;
mod commons;
mod fork;
mod limit;
mod nodes;
mod realtime;
mod refuse;
mod register;
mod replace;
mod route;
mod session;
mod timing;

use std::time::Duration;

use pinion_sip::base::Instant;
use pinion_sip::config::Peer;

use crate::message::Msg;
use crate::network::Weather;
use crate::phone::{Credentials, Phone, Plan, Purpose};
use crate::stage::{self, DIALPLAN, add_phone, config, friend, roomy};
use crate::swarm;
use crate::world::World;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world whose users are `users`, one registered phone each, in that order.
fn stage(users: &[&str]) -> World {
    stage_with(users, DIALPLAN, |_| ())
}

/// The same with another dialplan, and peers changed by `change`.
fn stage_with(users: &[&str], dialplan: &str, change: impl Fn(&mut Peer)) -> World {
    let mut names = users.to_vec();
    names.dedup();
    let peers = names.iter().map(|user| {
        let mut peer = friend(user);
        change(&mut peer);
        peer
    });
    let config = config(peers.collect(), dialplan);
    let mut world = stage::world(7, Weather::calm(), 2, roomy(), config);
    for user in users {
        let phone = add_phone(&mut world, user, 0);
        world.phone(phone, |phone, now, out| phone.register(now, 3_600, out));
    }
    go(&mut world, secs(1));
    for (phone, user) in users.iter().enumerate() {
        assert_eq!(statuses(&world, phone, "REGISTER"), [401, 200], "{user}");
    }
    world
}

/// Time passes, and no rule may break.
fn go(world: &mut World, duration: Duration) {
    world.run(duration);
    if let Some(report) = world.report() {
        panic!("{report}");
    }
}

/// Everybody hangs up; later nothing may be left.
fn close(mut world: World) {
    swarm::wind_down(&mut world);
    if world.failure.is_none() {
        world.failure = swarm::all_is_over(&world).err();
    }
    if let Some(report) = world.report() {
        panic!("{report}");
    }
}

/// A phone calls a user.
fn dial(world: &mut World, phone: usize, target: &str, plan: Plan) -> usize {
    world.phone(phone, |phone, now, out| {
        phone.invite(now, target, plan, out)
    })
}

/// All a phone received, with times.
fn received(world: &World, phone: usize) -> impl Iterator<Item = &(Instant, Msg)> {
    world.phones[phone].inbox.iter()
}

/// The statuses a phone received for a method, in order.
fn statuses(world: &World, phone: usize, method: &str) -> Vec<u16> {
    let responses = received(world, phone)
        .filter(|(_, message)| !message.is_request() && message.method() == method);
    responses.map(|(_, message)| message.status()).collect()
}

/// The finals among them.
fn finals(world: &World, phone: usize, method: &str) -> Vec<u16> {
    statuses(world, phone, method)
        .into_iter()
        .filter(|&status| status >= 200 && status != 401)
        .collect()
}

/// Calls, hangs up a second after the answer, and sees the end of it; the
/// final responses.
fn call_briefly(world: &mut World, phone: usize, target: &str) -> Vec<u16> {
    let before = finals(world, phone, "INVITE").len();
    dial(world, phone, target, Plan::hanging_up(secs(1)));
    go(world, secs(5));
    finals(world, phone, "INVITE")[before..].to_vec()
}

/// The requests of a method a phone received, in order.
fn requests(world: &World, phone: usize, method: &str) -> Vec<Msg> {
    let requests = received(world, phone)
        .filter(|(_, message)| message.is_request() && message.method() == method);
    requests.map(|(_, message)| message.clone()).collect()
}

/// The only request of a method a phone received.
fn the_request(world: &World, phone: usize, method: &str) -> Msg {
    let requests = requests(world, phone, method);
    assert_eq!(requests.len(), 1, "{method} at phone {phone}");
    requests[0].clone()
}

/// A manual phone answers a request.
fn reply(world: &mut World, phone: usize, request: &Msg, status: u16, tag: &str, body: &[u8]) {
    let contact = world.phones[phone].contact();
    let response = Msg::response(request, status, tag)
        .with("Contact", contact)
        .body("application/sdp", body);
    world.send(phone, &response);
}

/// Sends a request as it stands under a new Via and waits for the last response.
fn ask(world: &mut World, phone: usize, request: &Msg) -> Option<Msg> {
    let via = world.phones[phone].via();
    let mut request = request.clone();
    request.headers.insert(0, ("Via".into(), via));
    world.send(phone, &request);
    go(world, ms(500));
    let branch = request.branch();
    received(world, phone)
        .filter(|(_, message)| !message.is_request() && message.branch() == branch)
        .last()
        .map(|(_, message)| message.clone())
}

/// Sends a request, answers the challenge, and returns the final response.
fn ask_authorized(world: &mut World, phone: usize, request: Msg) -> Msg {
    let before = world.phones[phone].finals.len();
    world.phone(phone, |phone, now, out| {
        phone.request(now, request, Purpose::Other, out)
    });
    go(world, secs(1));
    let finals = &world.phones[phone].finals[before..];
    finals.last().expect("a final response").1.clone()
}

/// A draft with the credentials its challenge asks for.
fn authorize(world: &mut World, phone: usize, draft: Msg) -> (Msg, Msg) {
    let challenge = ask(world, phone, &draft).expect("a challenge");
    assert_eq!(challenge.status(), 401, "{}", challenge.head());
    let again = draft
        .clone()
        .set("CSeq", format!("{} {}", draft.cseq().0 + 1, draft.method()));
    let signed = world.phones[phone].with_credentials(&again, &challenge, Credentials::Right, 1);
    (signed.expect("a usable challenge"), challenge)
}

/// A draft of a request outside any dialog to `user`.
fn draft(world: &mut World, phone: usize, method: &str, user: &str) -> Msg {
    let make = |phone: &mut Phone, _: Instant, _: &mut crate::phone::Out| {
        let uri = phone.uri_for(user);
        phone.draft(method, &uri, &uri)
    };
    world.phone(phone, make)
}
