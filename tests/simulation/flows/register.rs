//! RFC 3261 §10: add, refresh, query, remove; and who may.

use super::*;

/// The Contact values of the last 200, in order of URI.
fn contacts(world: &World, phone: usize) -> Vec<String> {
    let last = received(world, phone)
        .filter(|(_, message)| message.status() == 200)
        .last();
    let mut contacts = last
        .map(|(_, message)| message.all("Contact"))
        .unwrap_or_default();
    contacts.sort();
    contacts
}

fn register(world: &mut World, phone: usize, request: Msg) -> Msg {
    ask_authorized(world, phone, request)
}

fn expires(contact: &str) -> u32 {
    crate::message::param(contact, "expires")
        .expect("expires")
        .parse()
        .unwrap()
}

#[test]
fn a_binding_is_added_refreshed_queried_and_removed() {
    let mut world = stage(&["1001"]);
    let own = world.phones[0].contact();
    assert_eq!(contacts(&world, 0).len(), 1);
    assert!(contacts(&world, 0)[0].starts_with(&own));
    assert_eq!(expires(&contacts(&world, 0)[0]), 3_600);

    go(&mut world, secs(1_000));
    let query = world.phones[0].register_draft();
    register(&mut world, 0, query);
    assert!(
        (2_595..=2_600).contains(&expires(&contacts(&world, 0)[0])),
        "{:?}",
        contacts(&world, 0)
    );

    world.phone(0, |phone, now, out| phone.register(now, 1_800, out));
    go(&mut world, secs(1));
    assert_eq!(expires(&contacts(&world, 0)[0]), 1_800);

    world.phone(0, |phone, now, out| phone.register(now, 0, out));
    go(&mut world, secs(1));
    assert_eq!(contacts(&world, 0), Vec::<String>::new());
    assert_eq!(world.occupancy(0).bindings, 0);
    close(world);
}

#[test]
fn several_contacts_go_at_once_with_a_star() {
    let mut world = stage(&["1001"]);
    let more = "<sip:1001@10.0.0.1:5062>, <sip:1001@10.0.0.1:5064>;expires=600";
    let add = world.phones[0]
        .register_draft()
        .with("Contact", more)
        .with("Expires", 120);
    assert_eq!(register(&mut world, 0, add).status(), 200);
    let held = contacts(&world, 0);
    assert_eq!(
        held.iter()
            .map(|contact| expires(contact))
            .collect::<Vec<_>>()
            .len(),
        3
    );
    assert_eq!(
        (expires(&held[1]), expires(&held[2])),
        (120, 600),
        "the parameter beats the header: {held:?}"
    );

    let wrong = world.phones[0]
        .register_draft()
        .with("Contact", "*")
        .with("Expires", 60);
    assert_eq!(register(&mut world, 0, wrong).status(), 400);
    let star = world.phones[0]
        .register_draft()
        .with("Contact", "*")
        .with("Expires", 0);
    assert_eq!(register(&mut world, 0, star).status(), 200);
    assert_eq!(contacts(&world, 0), Vec::<String>::new());
    assert_eq!(world.occupancy(0).bindings, 0);
    close(world);
}

#[test]
fn a_binding_ends_when_nobody_refreshes_it() {
    let mut world = stage(&["1001", "1002"]);
    world.phone(1, |phone, now, out| phone.register(now, 60, out));
    go(&mut world, secs(90));
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(5));
    assert_eq!(
        finals(&world, 0, "INVITE"),
        [503],
        "as Asterisk answers for an absent subscriber"
    );
    assert!(requests(&world, 1, "INVITE").is_empty());
    assert_eq!(world.occupancy(0).bindings, 1);
    close(world);
}

#[test]
fn a_lower_cseq_changes_nothing() {
    let mut world = stage(&["1001"]);
    let stale = world.phones[0]
        .register_draft()
        .with("Contact", "*")
        .with("Expires", 0)
        .set("CSeq", "1 REGISTER");
    let (signed, _) = authorize(&mut world, 0, stale);
    let response = ask(&mut world, 0, &signed.set("CSeq", "2 REGISTER")).expect("an answer");
    assert!(response.status() >= 400, "{}", response.head());
    assert_eq!(world.occupancy(0).bindings, 1);
    close(world);
}

/// What an answer gives away: its statuses and its header names, tags and nonces aside.
fn shape(world: &World, phone: usize) -> Vec<(String, Vec<String>)> {
    let responses = received(world, phone).filter(|(_, message)| !message.is_request());
    responses
        .map(|(_, message)| {
            (
                message.start.clone(),
                message
                    .headers
                    .iter()
                    .map(|(name, _)| name.clone())
                    .collect(),
            )
        })
        .collect()
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    for method in ["REGISTER", "INVITE"] {
        let mut world = stage(&["1001"]);
        let wrong = world.add_phone("1001", "not the password", 0);
        let unknown = world.add_phone("1999", "whatever", 0);
        for phone in [wrong, unknown] {
            let request = match method {
                "REGISTER" => world.phones[phone]
                    .register_draft()
                    .with("Contact", "<sip:x@10.0.0.9>"),
                _ => draft(&mut world, phone, "INVITE", "1001"),
            };
            world.phone(phone, |phone, now, out| {
                phone.request(now, request, Purpose::Other, out)
            });
            go(&mut world, secs(2));
        }
        assert!(
            statuses(&world, wrong, method)
                .iter()
                .all(|&status| status == 100 || status == 401 || status == 403)
        );
        assert_eq!(shape(&world, wrong), shape(&world, unknown), "{method}");
        assert_eq!(world.occupancy(0).bindings, 1);
        assert!(requests(&world, 0, "INVITE").is_empty());
        close(world);
    }
}

#[test]
fn a_nonce_is_good_for_one_count_only() {
    let mut world = stage(&["1001"]);
    let query = world.phones[0].register_draft();
    let (signed, _) = authorize(&mut world, 0, query);
    assert_eq!(
        ask(&mut world, 0, &signed).expect("an answer").status(),
        200
    );
    let cseq = signed.cseq().0 + 1;
    let replay = ask(
        &mut world,
        0,
        &signed.set("CSeq", format!("{cseq} REGISTER")),
    )
    .expect("an answer");
    assert_eq!(replay.status(), 401);
    assert!(
        replay
            .get("WWW-Authenticate")
            .unwrap()
            .contains("stale=true"),
        "{}",
        replay.head()
    );
    close(world);
}
