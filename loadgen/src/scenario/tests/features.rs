//! What scenarios can say, one call each.

use std::time::Duration;

use super::stage::{Side, Stage, program};
use crate::scenario::{Behaviours, Load, Settings};

/// `text` on a line of its own, if there is any.
fn line(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("\n{text}")
    }
}

/// A request of `method` as a scenario sends it.
fn request(method: &str, more: &str) -> String {
    let more = line(more);
    format!(
        "<send retrans='500'><![CDATA[
           {method} sip:b@[remote_ip]:[remote_port] SIP/2.0
           Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
           From: <sip:a@h>;tag=f[call_number]
           To: <sip:b@h>[peer_tag_param]
           Call-ID: [call_id]
           CSeq: [cseq] {method}
           Contact: <sip:a@[local_ip]:[local_port]>
           Max-Forwards: 70{more}
           Content-Length: [len]
         ]]></send>"
    )
}

fn response(status: &str, more: &str) -> String {
    let more = line(more);
    format!(
        "<send><![CDATA[
           SIP/2.0 {status}
           [last_Via:]
           [last_From:]
           [last_To:];tag=t
           [last_Call-ID:]
           [last_CSeq:]
           Contact: <sip:b@[local_ip]:[local_port]>
           Server: x{more}
           Content-Length: 0
         ]]></send>"
    )
}

fn scenario(steps: &str) -> String {
    format!("<scenario name='x'>{steps}</scenario>")
}

/// One call of `client` to `server`.
fn play(client: &str, server: &str) -> Stage {
    play_with(client, server, Settings::default(), &[])
}

fn play_with(client: &str, server: &str, settings: Settings, tables: &[&str]) -> Stage {
    let server = program(&scenario(server), Settings::default(), &[]);
    let mut stage = Stage::new(program(&scenario(client), settings, tables), server, 1);
    stage.run();
    stage
}

/// What the client's `log` actions say after these actions in a `nop`.
fn logged(actions: &str) -> Vec<String> {
    let client = format!(
        "<nop><action>{actions}</action></nop>{}",
        request("OPTIONS", "")
    );
    let mut stage = play(&client, "<recv request='OPTIONS'/>");
    let lines = stage.sides[0].caller.take_lines();
    lines.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_challenge_is_answered_and_verified() {
    let client = format!(
        "{}<recv response='401' auth='true'/>{}<recv response='200'/>",
        request("REGISTER", ""),
        request(
            "REGISTER",
            "[authentication username=\"al ice\" password=[service]]"
        )
    );
    let server = format!(
        "<recv request='REGISTER'/>{}<recv request='REGISTER'><action>
           <verifyauth assign_to='good' username='al ice' password='service'/>
           <verifyauth assign_to='bad' username='al ice' password='other'/>
         </action></recv>
         <nop condexec='bad' next='refuse'/>
         <nop test='good' next='accept'/>
         <label id='refuse'/>{}<nop next='end'/>
         <label id='accept'/>{}
         <label id='end'/>",
        response(
            "401 Who",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\""
        ),
        response("403 No", ""),
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)], "{:#?}", stage.ladder);
    let second = &stage.ladder[2];
    assert!(second.contains("\r\nAuthorization: Digest username=\"al ice\", realm=\"r\""));
    assert!(
        second.contains("uri=\"sip:b@127.0.0.1:5002\""),
        "the Request-URI"
    );
    assert!(second.contains("CSeq: 2 REGISTER"));
}

#[test]
fn credentials_come_from_an_injection_file() {
    let client = format!(
        "{}<recv response='401' auth='true'/>{}<recv response='200'/>",
        request("OPTIONS", "X: [field0 file=0.csv]"),
        request("OPTIONS", "[field1]")
    );
    let server = format!(
        "<recv request='OPTIONS'/>{}<recv request='OPTIONS'/>{}",
        response(
            "401 Who",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""
        ),
        response("200 OK", "")
    );
    let table = "SEQUENTIAL\nbob;[authentication username=bob password=x]";
    let stage = play_with(&client, &server, Settings::default(), &[table]);
    assert_eq!(stage.outcome()[0], (1, 0));
    assert!(stage.ladder[0].contains("\r\nX: bob\r\n"));
    assert!(stage.ladder[2].contains("\r\nAuthorization: Digest username=\"bob\""));
}

#[test]
fn a_challenge_that_is_missing_fails_the_call() {
    let client = format!(
        "{}<recv response='200'/>",
        request("OPTIONS", "[authentication]")
    );
    let server = format!("<recv request='OPTIONS'/>{}", response("200 OK", ""));
    let stage = play(&client, &server);
    assert!(stage.causes(0)[0].ends_with("no challenge to answer"));
}

#[test]
fn route_sets_are_kept_and_applied() {
    let client = format!(
        "{}<recv response='200' rrs='true'/>{}<recv response='200'/>",
        request("INVITE", "[routes]"),
        request("BYE", "[routes]\n X-Next: [next_url]")
    );
    let routes = "Record-Route: <sip:p1@10.0.0.1;lr>, <sip:p2@10.0.0.2;lr>";
    let server = format!(
        "<recv request='INVITE'/>{}<recv request='BYE'/>{}",
        response("200 OK", routes),
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome()[0], (1, 0));
    assert!(
        !stage.ladder[0].contains("Route"),
        "nothing to route by yet"
    );
    assert!(stage.ladder[0].contains("70\r\nContent-Length: 0\r\n\r\n"));
    assert!(stage.ladder[2].contains("Route: <sip:p2@10.0.0.2;lr>, <sip:p1@10.0.0.1;lr>\r\n"));
    assert!(stage.ladder[2].contains("X-Next: sip:b@127.0.0.1:5002\r\n"));
}

#[test]
fn a_copy_is_answered_with_what_it_was_answered_with() {
    let twice = request("OPTIONS", "")
        .replace("[cseq]", "7")
        .replace("[branch]", "z9hG4bKx")
        .replace("[peer_tag_param]", "");
    let client = format!("{twice}<recv response='200'/>{twice}<pause milliseconds='10'/>");
    let server = format!(
        "<recv request='OPTIONS'/>{}<pause milliseconds='900'/>",
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)]);
    assert_eq!(stage.sides[1].caller.score().copies, 1);
    assert_eq!(stage.ladder[1], stage.ladder[3]);
}

#[test]
fn an_unexpected_provisional_response_cancels_the_call() {
    let client = format!("{}<recv response='200'/>", request("INVITE", ""));
    let server = format!(
        "<recv request='INVITE'/>{}<recv request='CANCEL'/>",
        response("183 Progress", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(0, 1), (1, 0)]);
    let (invite, cancel) = (&stage.ladder[0], &stage.ladder[2]);
    let line = |text: &str, name: &str| {
        let found = text.lines().find(|line| line.starts_with(name));
        found.map(str::to_owned)
    };
    assert!(cancel.starts_with("-> CANCEL sip:b@127.0.0.1:5002 SIP/2.0"));
    for name in ["Via:", "From:", "To:", "Call-ID:"] {
        assert_eq!(
            line(invite, name),
            line(cancel, name),
            "RFC 3261 section 9.1"
        );
    }
    assert!(cancel.contains("CSeq: 1 CANCEL"));
}

#[test]
fn an_unexpected_refusal_is_acknowledged() {
    let client = format!("{}<recv response='200'/>", request("INVITE", ""));
    let server = format!(
        "<recv request='INVITE'/>{}<recv request='ACK'/>",
        response("486 Busy", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(0, 1), (1, 0)]);
    assert!(stage.ladder[2].contains("To: <sip:b@h>;tag=t\r\n"));
    assert!(stage.ladder[2].contains("CSeq: 1 ACK"));
}

#[test]
fn an_unexpected_answer_is_acknowledged_and_hung_up() {
    let client = format!("{}<recv response='180'/>", request("INVITE", ""));
    let server = format!(
        "<recv request='INVITE'/>{}<recv request='ACK'/><recv request='BYE'/>{}",
        response("200 OK", ""),
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(0, 1), (1, 0)]);
    assert_eq!(stage.lines()[2], "-> ACK sip:b@127.0.0.1:5002 SIP/2.0");
    assert_eq!(stage.lines()[3], "-> BYE sip:b@127.0.0.1:5002 SIP/2.0");
    assert!(stage.ladder[3].contains("CSeq: 2 BYE"));
}

#[test]
fn without_behaviours_the_unexpected_is_passed_over() {
    let client = format!("{}<recv response='200'/>", request("OPTIONS", ""));
    let server = format!(
        "<recv request='OPTIONS'/>{}{}",
        response("183 X", ""),
        response("200 OK", "")
    );
    let settings = Settings {
        behaviours: Behaviours::NONE,
        ..Settings::default()
    };
    let stage = play_with(&client, &server, settings, &[]);
    assert_eq!(stage.outcome()[0], (1, 0));
    assert_eq!(stage.sides[0].caller.score().unexpected, 1);
}

#[test]
fn requests_nobody_asked_for_are_answered() {
    let client = format!(
        "{}<recv response='200'/>{}<recv response='200'/>",
        request("MESSAGE", ""),
        request("PING", "")
    );
    let server = format!(
        "<recv request='MESSAGE'/>{}<recv request='BYE' timeout='2000' ontimeout='end'/><nop/><label id='end'/><nop/>",
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)], "{:?}", stage.lines());
    assert_eq!(stage.sides[1].caller.score().answered, 1);
}

#[test]
fn timeouts_lead_to_labels_or_end_the_call() {
    let silent = "<recv request='OPTIONS'/>";
    let to_label = format!(
        "{}<recv response='200' timeout='300' ontimeout='l'/><nop next='end'/><label id='l'/><nop counter='c'/><label id='end'/>",
        request("OPTIONS", "").replace("retrans='500'", "")
    );
    let stage = play(&to_label, silent);
    assert_eq!(stage.outcome()[0], (1, 0));
    assert_eq!(stage.sides[0].caller.score().counters, [1]);
    assert!(stage.elapsed() >= Duration::from_millis(300));
    let plain = to_label.replace("ontimeout='l'", "");
    let stage = play(&plain, silent);
    assert!(stage.causes(0)[0].ends_with("nothing received in time"));
}

#[test]
fn arithmetic_tests_and_jumps_make_loops() {
    let client = format!(
        "<nop><action><assign assign_to='n' value='0'/></action></nop>
         <label id='again'/>
         <nop><action><add assign_to='n' value='1'/>
           <test assign_to='less' variable='n' compare='less_than' value='4'/></action></nop>
         <nop test='less' next='again'><action><log message='[$n] [$less]'/></action></nop>{}",
        request("OPTIONS", "")
    );
    let mut stage = play(&client, "<recv request='OPTIONS'/>");
    let lines = stage.sides[0].caller.take_lines();
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "1.000000 true",
            "2.000000 true",
            "3.000000 true",
            "4.000000 false"
        ]
    );
}

#[test]
fn an_endless_loop_is_a_failure() {
    let client = format!("<label id='l'/><nop next='l'/>{}", request("OPTIONS", ""));
    let stage = play(&client, "<recv request='OPTIONS'/>");
    assert!(stage.causes(0)[0].ends_with("endless loop"));
}

#[test]
fn texts_are_changed_compared_and_searched() {
    let lines = logged(
        "<assignstr assign_to='s' value='  a b%  '/><trim assign_to='s'/><log message='[[$s]]'/>
         <urlencode variable='s'/><log message='[$s]'/><urldecode variable='s'/>
         <strcmp assign_to='c' variable='s' value='a b%'/><log message='[$c]'/>
         <ereg regexp='(a) (b)' search_in='var' variable='s' assign_to='all,x,y' check_it='true'/>
         <log message='[$all]/[$x]/[$y]'/>
         <assignstr assign_to='t' value='2.5'/><todouble assign_to='d' variable='t'/>
         <divide assign_to='d' value='2'/><multiply assign_to='d' variable='d'/>
         <subtract assign_to='d' value='1'/><log message='[$d]'/>
         <sample assign_to='e' distribution='fixed' value='3'/><log message='[$e]'/>
         <Reference/>"
            .replace("<Reference/>", "")
            .as_str(),
    );
    assert_eq!(
        lines,
        [
            "[a b%]", "a%20b%25", "0.000000", "a b/a/b", "0.562500", "3.000000"
        ]
    );
}

#[test]
fn keywords_say_where_and_who() {
    let lines = logged(
        "<log message='[local_ip]:[local_port+1] [local_ip_type] [remote_ip]:[remote_port-2] [transport]'/>
         <log message='[media_ip] [media_port+2] [auto_media_port] [call_number] [pid] [msg_index] [cseq]'/>
         <log message='[branch] [branch-3] [call_id] [service] [users] [userid] [clock_tick]'/>
         <log message='[date]|[timestamp]|[dynamic_id]|\\x5bx]'/>
         <assign assign_to='n' value='5'/><log message='[fill text=ab variable=n]'/>",
    );
    assert_eq!(
        lines,
        [
            "127.0.0.1:5002 4 127.0.0.1:5000 UDP",
            "127.0.0.1 6002 6000 1 1 0 0",
            "z9hG4bK-1-1-0 z9hG4bK-1-1--3 1-1@127.0.0.1 service 0 1 1000",
            "Thu, 01 Jan 1970 00:00:01 GMT|1.000000|1|[x]",
            "ababa"
        ]
    );
}

#[test]
fn header_searches_follow_their_attributes() {
    let client = request("OPTIONS", "X-A: one\n X-A: two\n x-b: Three");
    let server = "<recv request='OPTIONS'><action>
        <ereg regexp='[a-z]+' search_in='hdr' header='X-A:' occurrence='2' assign_to='second'/>
        <ereg regexp='T.*' search_in='hdr' header='X-B:' case_indep='true' assign_to='any'/>
        <ereg regexp='T.*' search_in='hdr' header='X-B:' assign_to='exact'/>
        <ereg regexp='OPTIONS$' search_in='hdr' header='CSeq:' start_line='true' assign_to='start'/>
        <log message='[$second] [$any] [$exact] [$start]'/>
        <ereg regexp='x' search_in='body' check_it='true' assign_to='none'/></action></recv>";
    let mut stage = play(&client, server);
    let lines = stage.sides[1].caller.take_lines();
    assert_eq!(lines[0].1, "two Three  OPTIONS");
    assert!(stage.causes(1)[0].ends_with("nothing to check"));
}

#[test]
fn messages_match_by_pattern_and_global_options_at_any_time() {
    let client = format!(
        "{}<recv response='200'/>{}<recv response='200'/>",
        request("PUBLISH", ""),
        request("INFO", "")
    );
    let server = format!(
        "<recv request='INFO' optional='global' counter='late'/>
         <recv request='MESSAGE|PUBLISH' regexp_match='true'/>{}
         <recv request='INFO'/>{}",
        response("200 OK", ""),
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)], "{:?}", stage.lines());
}

#[test]
fn transactions_are_told_apart_by_branch() {
    let first = request("MESSAGE", "").replace("retrans='500'", "start_txn='a'");
    let second = request("MESSAGE", "").replace("retrans='500'", "start_txn='b'");
    let client = format!(
        "{first}{second}<recv response='200' response_txn='b'/><recv response='200' response_txn='a'/>"
    );
    // The second is answered first.
    let answer = |n: u32| {
        format!(
            "<send><![CDATA[
               SIP/2.0 200 OK
               Via: SIP/2.0/UDP 127.0.0.1:5001;branch=z9hG4bK-1-1-{}
               [last_From:]
               [last_To:];tag=t
               [last_Call-ID:]
               CSeq: {n} MESSAGE
               Content-Length: 0
             ]]></send>",
            n - 1
        )
    };
    let server = format!(
        "<recv request='MESSAGE'/><recv request='MESSAGE'/>{}{}",
        answer(2),
        answer(1)
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)], "{:#?}", stage.ladder);
}

#[test]
fn variables_live_as_long_as_they_are_declared() {
    let client = format!(
        "<Global variables='g'/><User variables='u'/>
         <init><nop><action><assign assign_to='g' value='10'/></action></nop></init>
         <nop><action><add assign_to='g' value='1'/><add assign_to='u' value='1'/>
         <add assign_to='c' value='1'/><log message='[$g] [$u] [$c]'/></action></nop>{}",
        request("OPTIONS", "").replace("retrans='500'", "")
    );
    let program = program(&scenario(&client), Settings::default(), &[]);
    let server = self::program(
        &scenario("<recv request='OPTIONS'/>"),
        Settings::default(),
        &[],
    );
    let mut stage = Stage::new(program, server, 2);
    stage.run();
    let lines = stage.sides[0].caller.take_lines();
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        lines,
        ["11.000000 1.000000 1.000000", "12.000000 1.000000 1.000000"],
        "two calls are of two users"
    );
}

#[test]
fn injection_files_can_be_sought_and_changed() {
    let client = format!(
        "<nop><action>
           <insert file='0.csv' value='zed;26'/>
           <replace file='0.csv' line='0' value='[field0];changed'/>
           <log message='[field1] [field1 line=2] [field0 line=\"1\"]'/>
         </action></nop>{}",
        request("OPTIONS", "").replace("retrans='500'", "")
    );
    let table = "SEQUENTIAL\nann;1\nbob;2";
    let mut stage = play_with(
        &client,
        "<recv request='OPTIONS'/>",
        Settings::default(),
        &[table],
    );
    assert_eq!(stage.sides[0].caller.take_lines()[0].1, "changed 26 bob");
}

#[test]
fn chance_and_loss_follow_their_numbers() {
    let client = format!(
        "<nop chance='0.25' next='half'/><nop counter='three'/><label id='half'/>{}",
        request("OPTIONS", "").replace("retrans='500'", "lost='30'")
    );
    let server = program(
        &scenario("<recv request='OPTIONS'/>"),
        Settings::default(),
        &[],
    );
    let client = program(&scenario(&client), Settings::default(), &[]);
    let mut stage = Stage::new(client, server, 1000);
    stage.run();
    let score = stage.sides[0].caller.score();
    assert!(
        (700..800).contains(&score.counters[0]),
        "{}",
        score.counters[0]
    );
    assert!((250..350).contains(&score.lost), "{}", score.lost);
}

#[test]
fn timers_measure_from_their_start() {
    let client = format!(
        "<pause milliseconds='50'/>{}<recv response='200' rtd='1,all'/>",
        request("OPTIONS", "").replace("<send", "<send start_rtd='1'")
    );
    let server = format!(
        "<recv request='OPTIONS'/><pause milliseconds='20'/>{}",
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    let timers = &stage.sides[0].caller.score().timers;
    let close = |n: usize, want: u64| timers[n].max().abs_diff(want) <= want / 500;
    assert!(close(0, 21_000), "{}", timers[0].max());
    assert!(
        close(1, 71_000),
        "without start_rtd from the call's begin: {}",
        timers[1].max()
    );
}

#[test]
fn users_call_one_after_the_other() {
    let client = format!(
        "{}<recv response='200'/><pause milliseconds='100'/>",
        request("OPTIONS", "X: [userid]")
    );
    let client = || program(&scenario(&client), Settings::default(), &[]);
    let server = format!("<recv request='OPTIONS'/>{}", response("200 OK", ""));
    let server = program(&scenario(&server), Settings::default(), &[]);
    let mut stage = Stage::new(client(), server, 0);
    stage.sides[0] = Side::new(client(), 5001, Some(5002), Load::Users(2));
    stage.run();
    assert_eq!(stage.outcome(), [(6, 0), (6, 0)]);
    let of = |user: &str| {
        let sent = stage.ladder.iter();
        sent.filter(|text| text.contains(user)).count()
    };
    assert_eq!((of("X: 1\r\n"), of("X: 2\r\n")), (3, 3));
}

#[test]
fn unexpected_messages_can_have_a_label_of_their_own() {
    let client = format!("{}<recv response='200'/>", request("OPTIONS", ""));
    let server = format!(
        "<recv request='INVITE'/><nop next='end'/>
         <label id='_unexp.main'/><recv request='OPTIONS'/>{}
         <label id='end'/>",
        response("200 OK", "")
    );
    let stage = play(&client, &server);
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)], "{:?}", stage.lines());
}

#[test]
fn commands_stop_calls_and_runs() {
    let stopping = |command: &str| {
        let client = format!(
            "<nop><action><exec int_cmd='{command}'/></action></nop>{}<recv response='200'/>",
            request("OPTIONS", "")
        );
        let stage = play(
            &client,
            &format!("<recv request='OPTIONS'/>{}", response("200 OK", "")),
        );
        (stage.outcome()[0], stage.lines().len())
    };
    assert_eq!(stopping("stop_call"), ((0, 1), 0));
    assert_eq!(stopping("stop_gracefully"), ((1, 0), 2));
    assert_eq!(stopping("stop_now").0, (0, 1));
}
