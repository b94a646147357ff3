//! Servers of a few lines, with behaviour known to the microsecond.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant};
use pinion_sip::machine::{Input, Machine, Outbox};

use crate::world::{SERVER, address};

/// Answers each request with 200 after a delay, or nothing at all.
pub struct Responder {
    delay: Option<Duration>,
    /// From when, and for how long, it stands still.
    pub stalls: Option<(Duration, Duration)>,
    /// The method its answers name instead of the one they answer.
    pub names: Option<&'static str>,
    waiting: BTreeMap<(Instant, u64), (Flow, Vec<u8>)>,
    count: u64,
}

impl Responder {
    pub fn after(delay: Duration) -> Responder {
        Responder {
            delay: Some(delay),
            stalls: None,
            names: None,
            waiting: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn dead() -> Responder {
        Responder {
            delay: None,
            ..Responder::after(Duration::ZERO)
        }
    }
}

impl Machine for Responder {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        if let (Input::Datagram { bytes, flow }, Some(delay)) = (input, self.delay) {
            let mut at = now + delay;
            if let Some((from, long)) = self.stalls
                && (from..from + long).contains(&at.since(Instant::START))
            {
                at = Instant::START + from + long;
            }
            self.count += 1;
            let request = std::str::from_utf8(bytes).unwrap();
            let method = request.split_once(' ').map_or("", |(method, _)| method);
            let request = request.replace(
                &format!(" {method}\r\n"),
                &match self.names {
                    Some(other) => format!(" {other}\r\n"),
                    None => format!(" {method}\r\n"),
                },
            );
            let reply = reply("200 OK", &request);
            self.waiting.insert((at, self.count), (flow, reply));
        }
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            let (flow, reply) = entry.remove();
            out.send(&flow, |out| out.extend_from_slice(&reply));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }
}

fn reply(status: &str, request: &str) -> Vec<u8> {
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let lines = request
        .lines()
        .filter(|line| copied.iter().any(|name| line.starts_with(name)))
        .map(|line| match line.starts_with("To:") {
            true => format!("{line};tag=s\r\n"),
            false => format!("{line}\r\n"),
        });
    format!(
        "SIP/2.0 {status}\r\n{}Content-Length: 0\r\n\r\n",
        lines.collect::<String>()
    )
    .into_bytes()
}

/// A stateless proxy (RFC 3261 §16.11) that records its route: requests go on
/// to the callee, or where their Route and Request-URI say; responses go back
/// by their Via. A request within a dialog that does not come with its Route
/// is dropped.
pub struct Proxy {
    callee: SocketAddr,
}

impl Proxy {
    pub fn new(callee: SocketAddr) -> Proxy {
        Proxy { callee }
    }

    fn pass(&self, text: &str) -> Option<(SocketAddr, String)> {
        if text.starts_with("SIP/2.0") {
            let own = text.find("Via:")?;
            let end = own + text[own..].find("\r\n")? + 2;
            let rest = format!("{}{}", &text[..own], &text[end..]);
            let via = rest.lines().find(|line| line.starts_with("Via:"))?;
            let by = via.split_whitespace().nth(2)?.split(';').next()?;
            return Some((by.parse().ok()?, rest));
        }
        let (line, rest) = text.split_once("\r\n")?;
        let branch = text.split("branch=").nth(1)?.split(['\r', ';']).next()?;
        let via = format!("Via: SIP/2.0/UDP {SERVER};branch={branch}p\r\n");
        let tagged = rest
            .lines()
            .any(|line| line.starts_with("To:") && line.contains(";tag="));
        if !tagged {
            let route = format!("Record-Route: <sip:{SERVER};lr;ftag=x>\r\n");
            return Some((self.callee, format!("{line}\r\n{via}{route}{rest}")));
        }
        let route = format!("Route: <sip:{SERVER};lr;ftag=x>\r\n");
        let rest = rest.contains(&route).then(|| rest.replace(&route, ""))?;
        let uri = line.split(' ').nth(1)?.trim_start_matches("sip:");
        let to = uri.rsplit('@').next()?.split(';').next()?;
        Some((to.parse().ok()?, format!("{line}\r\n{via}{rest}")))
    }
}

impl Machine for Proxy {
    fn handle(&mut self, _now: Instant, input: Input<'_>, out: &mut Outbox) {
        let Input::Datagram { bytes, flow } = input else {
            return;
        };
        if let Some((remote, text)) = self.pass(std::str::from_utf8(bytes).unwrap()) {
            let flow = Flow {
                local: address(SERVER),
                remote,
                ..flow
            };
            out.send(&flow, |out| out.extend_from_slice(text.as_bytes()));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}
