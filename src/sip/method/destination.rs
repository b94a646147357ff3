//! Which extension a request is for, and whether its context has it.

use crate::base::{Text, lossy};
use crate::dialplan::{Match, Place, Plan};
use crate::wire::Uri;

/// Finds the extension a URI names among those of `place`, whose own `exten`
/// does not count, and says in `exten` which it is.
///
/// Escapes are taken as what they mean first, as an Asterisk with `pedantic`
/// does, then as they are written. What only a switch may know counts as found:
/// its call finds out.
pub fn destination(plan: &Plan, uri: &Uri<'_>, place: Place<'_>, exten: &mut Text) -> Match {
    uri.user_decoded(exten);
    if exten.is_empty() {
        exten.set(b"s");
    }
    let exists = |exten: &str| plan.exists(Place { exten, ..place });
    let met = exists(&exten.lossy());
    if met == Match::Yes {
        return met;
    }
    let mut also = Match::No;
    if uri.user.contains(&b'%') {
        also = exists(&lossy(uri.user));
        if also == Match::Yes {
            exten.set(uri.user);
            return also;
        }
    }
    match plan.may_ask(place) {
        true => Match::Yes,
        false => met.max(also),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixTime;
    use crate::dialplan::{Line, PlanBuilder, SwitchKind};

    fn found(lines: &[&str], switch: bool, uri: &str) -> (String, Match) {
        let mut builder = PlanBuilder::new();
        let context = builder.context("c");
        for exten in lines {
            let line = Line {
                exten,
                caller: None,
                priority: 1,
                label: None,
                application: "NoOp",
                arguments: "",
                at: "t:1",
            };
            builder.add(context, line).unwrap();
        }
        if switch {
            builder.add_switch(context, SwitchKind::Switch, "Realtime", "");
        }
        let place = Place {
            context: "c",
            exten: "",
            caller: "",
            time: UnixTime(0),
        };
        let uri = Uri::parse(uri.as_bytes()).unwrap();
        let mut exten = Text::new();
        let met = destination(&builder.build(), &uri, place, &mut exten);
        (exten.lossy().into_owned(), met)
    }

    #[test]
    fn an_escaped_user_is_tried_decoded_then_as_written() {
        let both = ["12#", "12%23", "9%2399"];
        for (uri, exten, met) in [
            ("sip:12%23@h", "12#", Match::Yes),
            ("sip:9%2399@h", "9%2399", Match::Yes),
            ("sip:9%23@h", "9#", Match::CouldMatch),
            ("sip:7%23@h", "7#", Match::No),
            ("sip:12@h", "12", Match::CouldMatch),
        ] {
            assert_eq!(found(&both, false, uri), (exten.into(), met), "{uri}");
        }
        assert_eq!(found(&["s"], false, "sip:h"), ("s".into(), Match::Yes));
    }

    #[test]
    fn what_a_switch_may_know_is_let_in() {
        let unknown = ("7".into(), Match::Yes);
        assert_eq!(found(&["1"], true, "sip:7@h"), unknown);
        assert_eq!(found(&["1"], false, "sip:7@h").1, Match::No);
    }
}
