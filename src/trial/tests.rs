use super::*;
use crate::config::extensions::parse_extensions;
use pinion_sip::config::{Acl, General, Peer, PeerKind, Peers, Rule};
use std::sync::Arc;

const PLAN: &str = "
[default]
exten => _2XXX,1,Set(ASKED=${EXTEN})
 same => n,Dial(SIP/${EXTEN},20)
 same => n,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)
 same => n,Hangup(${HANGUPCAUSE})
 same => n(busy),Verbose(on to the next)
 same => n,Dial(SIP/2999,10,g)
 same => n,NoOp(${DIALSTATUS})
exten => 3000,1,Dial(SIP/2000,20,g)
 same => n,Dial(SIP/2000,30,g)
 same => n,Hangup()
[other]
exten => 2000,1,Busy()
exten => 2001/,1,Hangup(20)
exten => 2001/42,1,Hangup(21)
exten => 2002,1,Dial(SIP/2999,10,g)
 same => n,NoOp(${DIALSTATUS} 1)
 same => n,Dial(SIP/2999,10,g)
 same => n,NoOp(${DIALSTATUS} 2)
";

fn config() -> Result<Config, ConfigError> {
    config_with(|_, _| {})
}

/// With devices that `change` has seen.
fn config_with(change: fn(&mut General, &mut Peer)) -> Result<Config, ConfigError> {
    let mut general = General::default();
    let (plan, _) = parse_extensions(PLAN, "extensions.conf")?;
    let peers = ["1001", "2000", "2999"].map(|name| {
        let mut peer = Peer::new(name, PeerKind::Friend);
        peer.context = "default".into();
        change(&mut general, &mut peer);
        peer
    });
    Ok(Config {
        general,
        peers: Peers::new(peers),
        plan: Arc::new(plan),
        realtime: None,
    })
}

/// What is not as it was wanted.
fn failures(text: &str) -> Vec<String> {
    failures_of(&config, text)
}

fn failures_of(make: &dyn Fn() -> Result<Config, ConfigError>, text: &str) -> Vec<String> {
    let outcomes = run(make, text, "t").expect("it can be read");
    outcomes
        .into_iter()
        .flat_map(|outcome| outcome.failures)
        .collect()
}

#[test]
fn a_busy_telephone_is_passed_on() {
    let text = "test: busy
given call from 1001 to 2000
when SIP/2000 refuses with 486 after 1
when SIP/2999 rings
when SIP/2999 answers after 3
when SIP/2999 hangs up after 30
then runs Dial(SIP/2000,20)
then says on to the next
then runs dial(SIP/2999,10,g)
then runs NoOp(ANSWER)
then does not run Hangup
then SIP/2000 is called
then SIP/2999 is called
then DIALSTATUS is ANSWER
then ASKED is 2000
then DIALEDTIME is 33
then answered
then ended after 34
";
    assert_eq!(failures(text), [""; 0]);
}

#[test]
fn a_caller_may_give_up_and_a_telephone_may_never_answer() {
    let text = "test: gives up
given call from 1001 to 2000
when caller hangs up after 5
then refused with 487
then DIALSTATUS is CANCEL
then ended after 5
test: no answer
given call from 1001 to 2000
then refused with 603
then DIALSTATUS is NOANSWER
then ended after 20
test: answered, and the caller hangs up
given call from 1001 to 2000
when SIP/2000 answers after 1
when caller hangs up after 8
then answered
then ANSWEREDTIME is 7
test: another context, a stranger
given call from nobody to 2000 in other
then refused with 486
then SIP/2000 is not called
";
    assert_eq!(failures(text), [""; 0]);
}

#[test]
fn a_caller_may_have_no_number() {
    let text = "test: without a number
given call from 1001 to 2001 in other
given caller \"\" <>
then refused with 480
test: with one
given call from 1001 to 2001 in other
given caller \"Ann\" <42>
then refused with 403
";
    assert_eq!(failures(text), [""; 0]);
}

#[test]
fn a_telephone_may_be_called_and_hang_up_twice() {
    let text = "test: twice
given call from 1001 to 2002 in other
when SIP/2999 answers after 1
when SIP/2999 hangs up after 5
then runs NoOp(ANSWER 1)
then runs NoOp(ANSWER 2)
then ended after 12
";
    assert_eq!(failures(text), [""; 0]);
}

#[test]
fn what_is_not_as_it_was_wanted_is_told_with_its_line() {
    let text = "test: wrong
given call from 1001 to 2000
when SIP/2000 refuses with 486
then runs Dial(SIP/2999,10,g)
then runs Dial(SIP/2000,20)
then does not run Dial
then answered
then refused with 487
then DIALSTATUS is BUSY
then SIP/2000 is not called
then SIP/3000 is called
then ended after 1
then says nothing
";
    assert_eq!(
        failures(text),
        [
            "t:5: Dial(SIP/2000,20) did not run, or not in this order",
            "t:6: Dial(SIP/2000,20) ran",
            "t:7: the caller was refused with 486",
            "t:8: the caller was refused with 486",
            "t:9: DIALSTATUS is 'NOANSWER', not 'BUSY'",
            "t:10: SIP/2000 was called",
            "t:11: SIP/3000 was not called",
            "t:12: the call ended after 10 s",
            "t:13: nothing said 'nothing'",
        ]
    );
}

#[test]
fn lists_of_addresses_proxies_and_domains_do_not_keep_a_device_from_a_trial() {
    let make = || {
        config_with(|general, peer| {
            peer.acl = Acl(vec![Rule {
                permit: false,
                network: [0, 0, 0, 0].into(),
                prefix: 0,
            }]);
            peer.outboundproxy = Some((([192, 0, 2, 1], 5060).into(), true));
            general.domains = vec!["ours.example".into()];
            general.allowexternaldomains = false;
        })
    };
    let text = "test: kept apart
given call from 1001 to 2000
when SIP/2000 answers after 1
when SIP/2000 hangs up after 5
then SIP/2000 is called
then answered
then ended after 6
";
    assert_eq!(failures_of(&make, text), [""; 0]);
}

#[test]
fn a_telephone_may_be_called_twice() {
    let text = "test: twice
given call from 1001 to 3000
when SIP/2000 answers after 1
when SIP/2000 hangs up after 5
then runs Dial(SIP/2000,20,g)
then runs Dial(SIP/2000,30,g)
then ANSWEREDTIME is 5
then ended after 12
";
    assert_eq!(failures(text), [""; 0]);
}
