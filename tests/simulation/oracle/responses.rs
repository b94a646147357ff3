//! The rules for the engine as server: what it answers, and how often.

use std::net::SocketAddr;

use pinion_sip::base::Instant;

use super::{Failure, Oracle, Place, Verdict, dialog_of, form, invite_of};
use crate::digest;
use crate::message::{Msg, uri_of, user_of};

/// A request an engine was given.
pub(super) struct Asked {
    request: Msg,
    from: SocketAddr,
    at: Instant,
    /// Whether it ever reached its home shard.
    pub(super) home: bool,
    /// Whether a later request of its dialog was home before it.
    pub(super) overtaken: bool,
    tag: Option<String>,
    last: Option<(u16, String, Place)>,
}

impl Oracle {
    pub(super) fn request_arrived(&mut self, now: Instant, from: SocketAddr, request: &Msg) {
        if request.method() == "ACK" {
            return;
        }
        let key = (request.branch(), request.method());
        let asked = Asked {
            request: request.clone(),
            from,
            at: now,
            home: false,
            overtaken: false,
            tag: None,
            last: None,
        };
        self.asked.entry(key).or_insert(asked);
    }

    pub(super) fn request_came_home(&mut self, request: &Msg) {
        let Some(asked) = self.asked.get_mut(&(request.branch(), request.method())) else {
            return;
        };
        let inside = request.tag("To").is_some() && request.method() != "CANCEL";
        if inside && !asked.home {
            let order = self.orders.entry(dialog_of(request)).or_default();
            asked.overtaken = request.cseq().0 < *order;
            *order = request.cseq().0.max(*order);
        }
        asked.home = true;
    }

    pub(super) fn response_sent(
        &mut self,
        place: Place,
        to: SocketAddr,
        response: &Msg,
    ) -> Verdict {
        let fail = |rule, seen: String| Err(Failure::of(rule, response, seen));
        let (status, key) = (response.status(), (response.branch(), response.method()));
        let Some(asked) = self.asked.get(&key) else {
            return fail("a response answers a request (§17.2)", response.head());
        };
        if to != asked.from {
            return fail(
                "a response goes where the request came from (§18.2.2, RFC 3581)",
                format!("{to}, not {}", asked.from),
            );
        }
        form::response(&self.engines, &asked.request, response)?;
        let tag = response.tag("To");
        if (200..300).contains(&status) && !self.may_pass(&asked.request) {
            return fail(
                "no 2xx without valid credentials (§22)",
                asked.request.head(),
            );
        }
        if let Some(challenge) = response
            .get("WWW-Authenticate")
            .or(response.get("Proxy-Authenticate"))
        {
            self.nonces
                .extend(digest::fields(challenge).remove("nonce"));
        }
        let excused = self.forgotten(self.asked[&key].at);
        let (tiny, stored) = (self.tiny, self.stored);
        let forked = self
            .forks
            .get(&self.asked[&key].request.body)
            .is_some_and(|tags| tags.len() > 1);
        let Some(asked) = self.asked.get_mut(&key) else {
            return Ok(());
        };
        let straddles = self.drained.is_some_and(|drained| asked.at <= drained);
        let excused = excused
            || match asked.last {
                // With full tables a copy finds nothing of the first answer.
                Some((503, ..)) => tiny,
                Some(_) if tiny && matches!(status, 401 | 481 | 503) => true,
                Some((401 | 403, ..)) => straddles || stored && matches!(status, 100 | 487 | 503),
                _ => false,
            };
        if !excused && let Some((earlier, earlier_tag, owner)) = &asked.last {
            let seen = format!(
                "{earlier} ({earlier_tag}) by {owner:?}, then {status} ({tag:?}) by {place:?}"
            );
            if status < 200 {
                return fail("a final response is final (§17.2.1)", seen);
            }
            if *earlier != status || Some(earlier_tag) != tag.as_ref() {
                return fail("one final response per request (§17.2)", seen);
            }
            if *owner != place {
                return fail("one shard answers a request", seen);
            }
        }
        if !excused && asked.overtaken && (200..300).contains(&status) {
            return fail(
                "a request out of order is refused (§12.2.2)",
                asked.request.head(),
            );
        }
        let invite_2xx = response.method() == "INVITE" && (200..300).contains(&status);
        if invite_2xx
            && !response.body.is_empty()
            && let Some(tag) = &tag
        {
            // What is offered here may be answered by the ACK, as if by another fork.
            let answers = self.forks.entry(response.body.clone()).or_default();
            answers.insert(tag.clone());
        }
        if !excused && invite_2xx && self.settled.contains(&invite_of(response)) {
            return fail(
                "a 2xx is not repeated after its ACK (§13.3.1.4)",
                response.head(),
            );
        }
        if status > 100 {
            if !excused && !forked && asked.tag.is_some() && asked.tag != tag {
                return fail(
                    "the To tag stays the same (§8.2.6.2)",
                    format!("{:?}, then {tag:?}", asked.tag),
                );
            }
            asked.tag.clone_from(&tag);
        }
        if status >= 200 {
            asked.last = Some((status, tag.unwrap_or_default(), place));
        }
        Ok(())
    }

    /// Whether a 2xx to this request is nobody's surprise.
    fn may_pass(&self, request: &Msg) -> bool {
        let starts_something =
            matches!(request.method().as_str(), "INVITE" | "REGISTER" | "MESSAGE");
        if !starts_something || request.tag("To").is_some() {
            return true;
        }
        let asked = self.asked.get(&(request.branch(), request.method()));
        if asked.is_some_and(|asked| self.engines.contains(&asked.from)) {
            return true;
        }
        let user = uri_of(request.get("From").unwrap_or_default());
        let Some(proof) = request.get("Authorization") else {
            return false;
        };
        let fields = digest::fields(proof);
        let nonce_is_ours = fields
            .get("nonce")
            .is_some_and(|nonce| self.nonces.contains(nonce));
        nonce_is_ours
            && fields.get("username").map(String::as_str) == user_of(&user)
            && user_of(&user)
                .and_then(|user| self.passwords.get(user))
                .is_some_and(|password| digest::proves(proof, &request.method(), password))
    }

    /// Every request that reached its home has a final response.
    pub(super) fn settle_responses(&self, now: Instant) -> Verdict {
        for asked in self.asked.values() {
            // A relayed request may die with its far end in silence (RFC 4320 §4.2).
            let relayed = matches!(
                asked.request.method().as_str(),
                "INFO" | "MESSAGE" | "UPDATE"
            );
            if asked.home
                && asked.last.is_none()
                && !relayed
                && !self.forgotten(asked.at)
                && !self.tiny
            {
                let seen = format!("{} of {:?}, now {now:?}", asked.request.start, asked.at);
                return Err(Failure::of(
                    "every request is answered (§8.2)",
                    &asked.request,
                    seen,
                ));
            }
        }
        Ok(())
    }
}
