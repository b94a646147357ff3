//! Each rule of RFC 3261 §10.3 as a test, and the table against a naive model.

use proptest::prelude::*;

use super::*;

const AOR: &[u8] = b"100";

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * MICROS_PER_S)
}

fn location(capacity: u32) -> Location {
    Location::new(capacity, Hasher::with_seeds(1, 2, 3, 4))
}

fn contact(uri: &str, expires_s: u32) -> Contact {
    Contact {
        uri: uri.into(),
        q: 1000,
        expires_s,
        address: Uri::parse(uri.as_bytes())
            .ok()
            .and_then(|uri| uri.socket_addr(5060)),
    }
}

fn register(call_id: &str, cseq: u32, contacts: &[Contact]) -> Update {
    Update {
        aor: AOR.into(),
        call_id: call_id.into(),
        cseq,
        contacts: contacts.into(),
        remove_all: false,
        flow: Flow::udp(
            1,
            "192.0.2.1:5060".parse().unwrap(),
            "198.51.100.7:40000".parse().unwrap(),
        ),
        to_source: false,
        max_contacts: 10,
        watched: false,
        user_agent: "phone".into(),
    }
}

fn star(call_id: &str, cseq: u32) -> Update {
    Update {
        remove_all: true,
        ..register(call_id, cseq, &[])
    }
}

fn uris(bindings: &[Binding]) -> Vec<String> {
    bindings
        .iter()
        .map(|binding| String::from_utf8_lossy(binding.uri()).into_owned())
        .collect()
}

fn found(location: &Location, now: Instant) -> Vec<String> {
    uris(&location.bindings(now, AOR))
}

#[test]
fn a_contact_is_added() {
    let mut location = location(10);
    let bindings = location
        .update(
            at(5),
            &register("c", 1, &[contact("sip:a@192.0.2.9:5070", 60)]),
        )
        .unwrap();
    let expected = Binding {
        texts: Texts::new(b"sip:a@192.0.2.9:5070", b"c", b"phone"),
        q: 1000,
        expires: at(65),
        flow: Flow {
            remote: "192.0.2.9:5070".parse().unwrap(),
            ..register("", 0, &[]).flow
        },
        cseq: 1,
        node: None,
    };
    assert_eq!(bindings.as_slice(), [expected]);
    assert_eq!(location.bindings(at(5), AOR), bindings.as_slice());
    assert_eq!((location.len(), location.aors()), (1, 1));
}

#[test]
fn requests_go_to_the_source_when_asked_or_when_the_host_is_a_name() {
    let mut location = location(10);
    let source = register("", 0, &[]).flow.remote;
    let natted = Update {
        to_source: true,
        ..register("c", 1, &[contact("sip:a@10.0.0.9", 60)])
    };
    assert_eq!(
        location.update(at(0), &natted).unwrap()[0].flow.remote,
        source
    );
    let named = register("c", 2, &[contact("sip:b@phone.example.com", 60)]);
    assert_eq!(
        location.update(at(0), &named).unwrap()[0].flow.remote,
        source
    );
    let plain = register("c", 3, &[contact("sip:c@10.0.0.9", 60)]);
    assert_eq!(
        location.update(at(0), &plain).unwrap()[0].flow.remote,
        "10.0.0.9:5060".parse().unwrap()
    );
}

#[test]
fn an_equivalent_contact_is_refreshed_not_added() {
    let mut location = location(10);
    location
        .update(
            at(0),
            &register(
                "c",
                1,
                &[contact("sip:alice@Example.COM;Transport=udp", 60)],
            ),
        )
        .unwrap();
    let again = register(
        "c",
        2,
        &[contact("sip:%61lice@example.com;transport=UDP", 90)],
    );
    let bindings = location.update(at(10), &again).unwrap();
    assert_eq!(uris(&bindings), ["sip:%61lice@example.com;transport=UDP"]);
    assert_eq!((bindings[0].expires, bindings[0].cseq), (at(100), 2));
    assert_eq!(location.len(), 1);
}

#[test]
fn contacts_that_differ_in_user_host_or_port_stand_side_by_side() {
    let mut location = location(10);
    let different = ["sip:a@h", "sip:A@h", "sip:a@h:5060", "sip:a@g", "sips:a@h"];
    let contacts: Vec<Contact> = different.iter().map(|uri| contact(uri, 60)).collect();
    assert_eq!(
        location
            .update(at(0), &register("c", 1, &contacts))
            .unwrap()
            .len(),
        different.len()
    );
}

#[test]
fn a_query_changes_nothing() {
    let mut location = location(10);
    assert_eq!(
        location.update(at(0), &register("c", 1, &[])),
        Ok(Bindings::new())
    );
    assert_eq!(location.aors(), 0);
    location
        .update(at(0), &register("c", 2, &[contact("sip:a@h", 60)]))
        .unwrap();
    let query = Update {
        max_contacts: 0,
        ..register("c", 1, &[])
    };
    assert_eq!(uris(&location.update(at(1), &query).unwrap()), ["sip:a@h"]);
}

#[test]
fn expires_zero_removes_one_contact() {
    let mut location = location(10);
    location
        .update(
            at(0),
            &register("c", 1, &[contact("sip:a@h", 60), contact("sip:b@h", 60)]),
        )
        .unwrap();
    let bindings = location
        .update(at(1), &register("c", 2, &[contact("sip:a@h", 0)]))
        .unwrap();
    assert_eq!(uris(&bindings), ["sip:b@h"]);
    assert_eq!(
        location
            .update(at(1), &register("c", 3, &[contact("sip:never@h", 0)]))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_last_contact_takes_its_aor_along() {
    let mut location = location(1);
    location
        .update(at(0), &register("c", 1, &[contact("sip:a@h", 60)]))
        .unwrap();
    assert_eq!(
        location.update(at(1), &register("c", 2, &[contact("sip:a@h", 0)])),
        Ok(Bindings::new())
    );
    assert_eq!(
        (location.len(), location.aors(), location.deadline()),
        (0, 0, None)
    );
    location
        .update(at(2), &register("c", 1, &[contact("sip:b@h", 60)]))
        .unwrap();
    assert_eq!(found(&location, at(2)), ["sip:b@h"]);
}

#[test]
fn a_star_removes_all_contacts() {
    let mut location = location(10);
    location
        .update(
            at(0),
            &register("c", 1, &[contact("sip:a@h", 60), contact("sip:b@h", 60)]),
        )
        .unwrap();
    assert_eq!(
        location.update(at(1), &star("other", 1)),
        Ok(Bindings::new())
    );
    assert!(location.is_empty());
}

#[test]
fn a_star_out_of_order_removes_none() {
    let mut location = location(10);
    location
        .update(at(0), &register("x", 1, &[contact("sip:b@h", 60)]))
        .unwrap();
    location
        .update(at(0), &register("c", 5, &[contact("sip:a@h", 60)]))
        .unwrap();
    assert_eq!(
        location.update(at(1), &star("c", 5)),
        Err(Refusal::OutOfOrder)
    );
    assert_eq!(found(&location, at(1)).len(), 2);
    assert_eq!(location.update(at(1), &star("c", 6)), Ok(Bindings::new()));
}

#[test]
fn the_same_call_id_needs_a_higher_cseq() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 5, &[contact("sip:a@h", 60)]))
        .unwrap();
    for cseq in [4, 5] {
        for expires_s in [0, 60] {
            let late = register("c", cseq, &[contact("sip:a@h", expires_s)]);
            assert_eq!(location.update(at(1), &late), Err(Refusal::OutOfOrder));
        }
    }
    assert_eq!(location.bindings(at(1), AOR)[0].expires, at(60));
    assert!(
        location
            .update(at(1), &register("c", 6, &[contact("sip:a@h", 60)]))
            .is_ok()
    );
}

#[test]
fn another_call_id_may_start_anew() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 5, &[contact("sip:a@h", 60)]))
        .unwrap();
    let bindings = location
        .update(at(1), &register("d", 1, &[contact("sip:a@h", 60)]))
        .unwrap();
    assert_eq!((bindings[0].call_id(), bindings[0].cseq), (&b"d"[..], 1));
}

#[test]
fn one_contact_out_of_order_refuses_the_whole_request() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 5, &[contact("sip:a@h", 60)]))
        .unwrap();
    let before = location.bindings(at(1), AOR);
    let mixed = register("c", 5, &[contact("sip:new@h", 60), contact("sip:a@h", 60)]);
    assert_eq!(location.update(at(1), &mixed), Err(Refusal::OutOfOrder));
    assert_eq!(location.bindings(at(1), AOR), before);
    assert_eq!(location.len(), 1);
}

#[test]
fn a_contact_named_twice_in_one_request_counts_as_last_named() {
    let mut location = location(10);
    let twice = register("c", 1, &[contact("sip:a@h", 60), contact("sip:a@h", 90)]);
    let bindings = location.update(at(0), &twice).unwrap();
    assert_eq!((bindings.len(), bindings[0].expires), (1, at(90)));
}

#[test]
fn the_oldest_contact_makes_room() {
    let mut location = location(10);
    let at_most_2 = |cseq, uri| Update {
        max_contacts: 2,
        ..register("c", cseq, &[contact(uri, 60)])
    };
    location.update(at(0), &at_most_2(1, "sip:a@h")).unwrap();
    location.update(at(1), &at_most_2(2, "sip:b@h")).unwrap();
    location.update(at(2), &at_most_2(3, "sip:a@h")).unwrap();
    let bindings = location.update(at(3), &at_most_2(4, "sip:c@h")).unwrap();
    assert_eq!(
        uris(&bindings),
        ["sip:c@h", "sip:a@h"],
        "b was refreshed least recently"
    );
    assert_eq!(location.len(), 2);
}

#[test]
fn the_highest_q_comes_first_then_the_newest() {
    let mut location = location(10);
    let with_q = |uri, q| Contact {
        q,
        ..contact(uri, 60)
    };
    let contacts = [
        with_q("sip:a@h", 500),
        with_q("sip:b@h", 1000),
        with_q("sip:c@h", 500),
        with_q("sip:d@h", 0),
    ];
    let bindings = location
        .update(at(0), &register("c", 1, &contacts))
        .unwrap();
    assert_eq!(
        uris(&bindings),
        ["sip:b@h", "sip:c@h", "sip:a@h", "sip:d@h"]
    );
    assert_eq!(found(&location, at(0)), uris(&bindings));
}

#[test]
fn lookups_find_a_binding_until_its_grace_ends() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 1, &[contact("sip:a@h", 60)]))
        .unwrap();
    assert_eq!(found(&location, at(69)).len(), 1);
    let last = Instant::from_micros(70 * MICROS_PER_S - 1);
    assert_eq!(found(&location, last).len(), 1);
    assert_eq!(found(&location, at(70)).len(), 0);
}

#[test]
fn what_ended_is_dropped_and_its_aor_told() {
    let mut location = location(10);
    location
        .update(
            at(0),
            &register("c", 1, &[contact("sip:a@h", 60), contact("sip:b@h", 90)]),
        )
        .unwrap();
    assert_eq!(location.deadline(), Some(at(70)));
    assert_eq!(location.expire(at(69)), None);
    assert_eq!(location.expire(at(70)), Some(AOR.into()));
    assert_eq!(location.expire(at(70)), None);
    assert_eq!((location.len(), location.deadline()), (1, Some(at(100))));
    assert_eq!(location.expire(at(200)), Some(AOR.into()));
    assert_eq!(
        (location.len(), location.aors(), location.deadline()),
        (0, 0, None)
    );
}

#[test]
fn a_refresh_moves_the_deadline() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 1, &[contact("sip:a@h", 60)]))
        .unwrap();
    location
        .update(at(50), &register("c", 2, &[contact("sip:a@h", 60)]))
        .unwrap();
    assert!(location.deadline().is_some_and(|due| due <= at(120)));
    assert_eq!(location.expire(at(119)), None);
    assert_eq!(location.deadline(), Some(at(120)));
    assert_eq!(location.expire(at(120)), Some(AOR.into()));
}

#[test]
fn an_update_no_longer_sees_what_ended() {
    let mut location = location(10);
    location
        .update(at(0), &register("c", 5, &[contact("sip:a@h", 60)]))
        .unwrap();
    let bindings = location
        .update(at(70), &register("c", 1, &[contact("sip:b@h", 60)]))
        .unwrap();
    assert_eq!(uris(&bindings), ["sip:b@h"]);
    assert_eq!(location.len(), 1);
}

#[test]
fn a_full_table_refuses_growth_and_nothing_else() {
    let mut location = location(2);
    location
        .update(
            at(0),
            &register("c", 1, &[contact("sip:a@h", 60), contact("sip:b@h", 60)]),
        )
        .unwrap();
    let before = location.bindings(at(1), AOR);
    assert_eq!(
        location.update(at(1), &register("c", 2, &[contact("sip:c@h", 60)])),
        Err(Refusal::Full)
    );
    let elsewhere = Update {
        aor: "200".into(),
        ..register("e", 1, &[contact("sip:e@h", 60)])
    };
    assert_eq!(location.update(at(1), &elsewhere), Err(Refusal::Full));
    assert_eq!(
        (
            location.bindings(at(1), AOR),
            location.len(),
            location.aors()
        ),
        (before, 2, 1)
    );
    let swap = register("c", 3, &[contact("sip:a@h", 0), contact("sip:c@h", 60)]);
    assert_eq!(
        uris(&location.update(at(1), &swap).unwrap()),
        ["sip:c@h", "sip:b@h"]
    );
}

#[test]
fn aors_are_told_apart() {
    let mut location = location(1000);
    for n in 0..500 {
        let aor = Text::from(format!("user{n}").as_str());
        let update = Update {
            aor,
            ..register("c", 1, &[contact(&format!("sip:{n}@h"), 60)])
        };
        location.update(at(0), &update).unwrap();
    }
    assert_eq!((location.len(), location.aors()), (500, 500));
    assert_eq!(uris(&location.bindings(at(0), b"user77")), ["sip:77@h"]);
    assert_eq!(location.bindings(at(0), b"user").len(), 0);
    assert_eq!(location.iter(at(69)).count(), 500);
    assert_eq!(location.iter(at(70)).count(), 0);
    let mut told = 0;
    while location.expire(at(70)).is_some() {
        told += 1;
    }
    assert_eq!((told, location.len(), location.aors()), (500, 0, 0));
}

#[test]
fn a_binding_is_small() {
    // The slab's generation and the wheel's and the index's share come on top,
    // and the texts.
    let bytes = size_of::<Option<Account>>() + 8 + 20 + 2 * (size_of::<u32>() + 1);
    assert!(bytes <= 200, "{bytes}");
}

#[test]
fn a_refresh_keeps_the_texts_it_does_not_change() {
    let mut location = location(10);
    let mut update = |cseq, user_agent: &str| {
        let mut update = register("c", cseq, &[contact("sip:a@h", 60)]);
        update.user_agent = user_agent.into();
        location.update(at(0), &update).unwrap().remove(0)
    };
    let (first, same, other) = (update(1, "phone"), update(2, "phone"), update(3, "new"));
    assert_eq!(first.uri().as_ptr(), same.uri().as_ptr());
    assert_ne!(first.uri().as_ptr(), other.uri().as_ptr());
    assert_eq!(
        (other.call_id(), other.user_agent()),
        (&b"c"[..], &b"new"[..])
    );
}

/// The same rules over a plain list.
#[derive(Default)]
struct Model {
    bindings: Vec<(Text, Binding)>,
}

impl Model {
    fn update(
        &mut self,
        now: Instant,
        update: &Update,
        capacity: usize,
    ) -> Result<Bindings, Refusal> {
        let mut next = self.bindings.clone();
        next.retain(|(aor, binding)| *aor != update.aor || now < binding.expires + GRACE);
        let mine = |aor: &Text, binding: &Binding, uri: &Text| {
            *aor == update.aor && binding.uri() == &**uri
        };
        let late = |binding: &Binding| {
            binding.call_id() == &*update.call_id && binding.cseq >= update.cseq
        };
        let touched = next.iter().filter(|(aor, binding)| {
            update.remove_all && *aor == update.aor
                || update
                    .contacts
                    .iter()
                    .any(|contact| mine(aor, binding, &contact.uri))
        });
        if touched.into_iter().any(|(_, binding)| late(binding)) {
            return Err(Refusal::OutOfOrder);
        }
        next.retain(|(aor, _)| !(update.remove_all && *aor == update.aor));
        for contact in &update.contacts {
            next.retain(|(aor, binding)| !mine(aor, binding, &contact.uri));
            if contact.expires_s > 0 {
                next.push((update.aor.clone(), bind(now, update, contact)));
            }
        }
        let count =
            |next: &[(Text, Binding)]| next.iter().filter(|(aor, _)| *aor == update.aor).count();
        while !update.contacts.is_empty() && count(&next) > usize::from(update.max_contacts) {
            let oldest = next.iter().position(|(aor, _)| *aor == update.aor).unwrap();
            next.remove(oldest);
        }
        if next.len() > capacity {
            return Err(Refusal::Full);
        }
        self.bindings = next;
        Ok(self.bindings_of(now, &update.aor).into())
    }

    fn bindings_of(&self, now: Instant, wanted: &Text) -> Vec<Binding> {
        let live =
            |(aor, binding): &&(Text, Binding)| aor == wanted && now < binding.expires + GRACE;
        let mut bindings: Vec<Binding> = self
            .bindings
            .iter()
            .filter(live)
            .map(|(_, binding)| binding.clone())
            .rev()
            .collect();
        bindings.sort_by_key(|binding| Reverse(binding.q));
        bindings
    }

    fn expire(&mut self, now: Instant) {
        self.bindings
            .retain(|(_, binding)| now < binding.expires + GRACE);
    }
}

fn any_update() -> impl Strategy<Value = Update> {
    let any_contact = (0..5, 0..3_u16, prop_oneof![Just(0), 1..200_u32, Just(9000)]).prop_map(
        |(uri, q, expires_s)| Contact {
            q: q * 500,
            ..contact(&format!("sip:{uri}@h"), expires_s)
        },
    );
    let contacts = proptest::collection::vec(any_contact, 0..4);
    (
        0..4,
        0..3,
        0..20_u32,
        contacts,
        proptest::bool::weighted(0.1),
        1..4_u16,
    )
        .prop_map(
            |(aor, call_id, cseq, contacts, remove_all, max_contacts)| Update {
                aor: format!("user{aor}").as_str().into(),
                contacts: if remove_all { vec![] } else { contacts }.into(),
                remove_all,
                max_contacts,
                ..register(&format!("c{call_id}"), cseq, &[])
            },
        )
}

proptest! {
    #[test]
    fn it_agrees_with_a_list(steps in proptest::collection::vec((any_update(), 0..100_u64, any::<bool>()), 1..80)) {
        const CAPACITY: u32 = 7;
        let mut location = location(CAPACITY);
        let mut model = Model::default();
        let mut now_s = 0;
        for (update, passed_s, sweep) in steps {
            now_s += passed_s;
            if sweep {
                while location.expire(at(now_s)).is_some() {}
                model.expire(at(now_s));
                prop_assert!(location.deadline().is_none_or(|deadline| deadline > at(now_s)));
            }
            let expected = model.update(at(now_s), &update, CAPACITY as usize);
            prop_assert_eq!(location.update(at(now_s), &update), expected);
            for aor in 0..4 {
                let aor = Text::from(format!("user{aor}").as_str());
                prop_assert_eq!(location.bindings(at(now_s), &aor), model.bindings_of(at(now_s), &aor));
            }
            prop_assert_eq!(location.len(), model.bindings.len());
            prop_assert_eq!(location.deadline().is_some(), !location.is_empty());
        }
        while location.expire(at(now_s + 10_000)).is_some() {}
        prop_assert_eq!((location.len(), location.aors(), location.deadline()), (0, 0, None));
    }
}
