//! From a template to bytes: what each keyword stands for in this call.

use std::net::IpAddr;

use pinion_sip::auth::{Identity, Secret, respond};
use pinion_sip::base::UnixTime;
use pinion_sip::wire::DigestParams;

use super::{Context, Session};
use crate::scenario::problem::Problems;
use crate::scenario::template::{Credentials, FieldOf, Keyword, Part, Reading, Template};
use crate::scenario::text;
use crate::scenario::variable::{Names, parse_number};

/// `[sipp_version]`: scenarios that ask want to say who sends.
const VERSION: &str = concat!("pinion-load ", env!("CARGO_PKG_VERSION"));

/// A message being written.
struct Expansion<'m> {
    out: &'m mut Vec<u8>,
    /// A line held only keywords that stood for nothing: its end goes, too.
    skips_line_end: bool,
    /// Where `[len]` stands, and what it adds.
    len: Option<(usize, i64)>,
    /// Where the credentials go.
    credentials: Option<(usize, Credentials)>,
}

impl Expansion<'_> {
    fn push(&mut self, mut bytes: &[u8]) {
        if std::mem::replace(&mut self.skips_line_end, false) {
            bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
        }
        self.out.extend_from_slice(bytes);
    }

    fn push_display(&mut self, shown: impl std::fmt::Display) {
        self.push(shown.to_string().as_bytes());
    }

    /// A keyword that stands for nothing takes the end of its line with it if
    /// nothing else stands there.
    fn push_or_skip(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.push(bytes);
        } else if self.out.is_empty() || self.out.ends_with(b"\n") {
            self.skips_line_end = true;
        }
    }
}

impl Session {
    /// Appends the message `template` says, sent from step `index`. False if
    /// credentials were asked for that could not be made.
    pub(super) fn expand(
        &mut self,
        cx: &mut Context<'_>,
        template: &Template,
        index: i64,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut expansion = Expansion {
            out,
            skips_line_end: false,
            len: None,
            credentials: None,
        };
        for part in &template.parts {
            match part {
                Part::Text(text) => expansion.push(text),
                Part::Keyword(keyword) => self.keyword(cx, keyword, index, &mut expansion),
            }
        }
        let Expansion {
            out,
            len,
            credentials,
            ..
        } = expansion;
        let mut whole = true;
        let credentials = credentials.map(|(at, credentials)| {
            let header = self.authorize(cx, &credentials, out);
            whole = header.is_some();
            (at, header.unwrap_or_default())
        });
        let len = len.map(|(at, offset)| {
            let length = text::body(out).len() as i64 + offset;
            (at, length.max(0).to_string().into_bytes())
        });
        let mut edits: Vec<_> = credentials.into_iter().chain(len).collect();
        edits.sort_by_key(|&(at, _)| std::cmp::Reverse(at));
        for (at, bytes) in edits {
            out.splice(at..at, bytes);
        }
        whole
    }

    /// `template` as text, for what is not a message.
    pub(super) fn text_of(&mut self, cx: &mut Context<'_>, template: &Template) -> Vec<u8> {
        let mut out = Vec::new();
        let index = self.at as i64;
        // Nothing but a message holds credentials.
        let _ = self.expand(cx, template, index, &mut out);
        out
    }

    fn keyword(
        &mut self,
        cx: &mut Context<'_>,
        keyword: &Keyword,
        index: i64,
        out: &mut Expansion<'_>,
    ) {
        let flow = self.begin.flow;
        let number = self.begin.number;
        match keyword {
            Keyword::Service => out.push(cx.settings.service.as_bytes()),
            Keyword::RemoteIp => push_ip(out, flow.remote.ip()),
            Keyword::RemoteHost => out.push(cx.settings.remote_host.as_bytes()),
            Keyword::RemotePort(offset) => out.push_display(i64::from(flow.remote.port()) + offset),
            Keyword::Transport => out.push(b"UDP"),
            Keyword::LocalIp => push_ip(out, flow.local.ip()),
            Keyword::LocalIpType => push_type(out, flow.local.ip()),
            Keyword::LocalPort(offset) => out.push_display(i64::from(flow.local.port()) + offset),
            Keyword::ServerIp => out.push_display(flow.local.ip()),
            Keyword::MediaIp => out.push_display(self.media_ip(cx)),
            Keyword::MediaIpType => push_type(out, self.media_ip(cx)),
            Keyword::MediaPort(offset) => {
                out.push_display(i64::from(cx.settings.media_port) + offset)
            }
            Keyword::AutoMediaPort(offset) => {
                let own = (4 * (number.max(1) - 1) % 10_000) as i64;
                out.push_display(i64::from(cx.settings.media_port) + own + offset);
            }
            Keyword::Len(offset) => out.len = Some((out.out.len(), *offset)),
            Keyword::CallNumber => out.push_display(number),
            Keyword::DynamicId => {
                *cx.dynamic_id = cx.dynamic_id.wrapping_add(1);
                out.push_display(*cx.dynamic_id);
            }
            Keyword::CallId => out.push(&self.begin.call_id),
            Keyword::Cseq(offset) => out.push_display(i64::from(self.cseq) + offset),
            Keyword::Pid => out.push_display(cx.settings.pid),
            Keyword::Branch(offset) => {
                let step = index + offset;
                out.push_display(format_args!("z9hG4bK-{}-{number}-{step}", cx.settings.pid));
            }
            Keyword::MsgIndex => out.push_display(index),
            Keyword::ClockTick => out.push_display(cx.now.as_micros() / 1000),
            Keyword::Timestamp => out.push_display(timestamp(cx)),
            Keyword::Date => {
                let unix = cx.settings.epoch.as_secs() + cx.now.as_micros() / 1_000_000;
                out.push(UnixTime(unix).date().as_bytes());
            }
            Keyword::Users => out.push_display(cx.settings.users),
            Keyword::UserId => out.push_display(self.begin.user),
            Keyword::SippVersion => out.push(VERSION.as_bytes()),
            Keyword::Variable(variable) => {
                let mut bytes = Vec::new();
                self.value(cx, *variable).write(&mut bytes);
                out.push_or_skip(&bytes);
            }
            Keyword::Fill(text, variable) => {
                let length = self.value(cx, *variable).number().clamp(0.0, 65_535.0);
                let bytes = text.bytes().cycle().take(length as usize);
                out.push(&bytes.collect::<Vec<u8>>());
            }
            Keyword::Field(field) => self.field(cx, field, out),
            Keyword::Authentication(credentials) => {
                out.credentials = Some((out.out.len(), (**credentials).clone()));
            }
            received => self.received(received, out),
        }
    }

    /// Keywords that repeat something received.
    fn received(&self, keyword: &Keyword, out: &mut Expansion<'_>) {
        let last = &self.last_received;
        match keyword {
            Keyword::LastMessage => out.push(last),
            Keyword::LastRequestUri => out.push(text::uri(last, b"To").unwrap_or(b"")),
            Keyword::LastCseqNumber(offset) => {
                let number = text::cseq(last).map_or(0, |(number, _)| number);
                out.push_display(i64::from(number) + offset);
            }
            Keyword::LastHeader(name) => {
                let lines = text::named(last, name.as_bytes()).map(|field| field.line);
                out.push_or_skip(&lines.collect::<Vec<_>>().join(&b"\r\n"[..]));
            }
            Keyword::PeerTagParam => {
                if let Some(tag) = &self.peer_tag {
                    out.push(b";tag=");
                    out.push(tag);
                }
            }
            Keyword::Routes => {
                let mut line = Vec::new();
                if let Some(routes) = &self.routes {
                    for route in routes.apply(&self.target).1 {
                        let before: &[u8] = if line.is_empty() { b"Route: <" } else { b", <" };
                        line.extend_from_slice(before);
                        line.extend_from_slice(route);
                        line.push(b'>');
                    }
                }
                out.push_or_skip(&line);
            }
            Keyword::NextUrl => match &self.routes {
                Some(routes) => out.push(routes.apply(&self.target).0),
                None => out.push(&self.target),
            },
            _ => {}
        }
    }

    fn media_ip(&self, cx: &Context<'_>) -> IpAddr {
        cx.settings.media_ip.unwrap_or(self.begin.flow.local.ip())
    }

    fn field(&mut self, cx: &mut Context<'_>, field: &FieldOf, out: &mut Expansion<'_>) {
        let line = match &field.line {
            None => self.begin.lines.get(field.table).copied(),
            Some(template) => {
                let number = parse_number(&self.text_of(cx, template));
                number.filter(|n| *n >= 0.0).map(|n| n as usize)
            }
        };
        let Some(table) = cx.tables.get(field.table).cloned() else {
            return;
        };
        let text = line.map_or_else(Default::default, |line| table.field(line, field.column));
        match injected_credentials(&text) {
            Some((before, credentials, after)) => {
                out.push(before.as_bytes());
                out.credentials = Some((out.out.len(), credentials));
                out.push(after.as_bytes());
            }
            None => out.push_or_skip(text.as_bytes()),
        }
    }

    /// The header field that answers the challenge kept, for the message in
    /// `message`.
    fn authorize(
        &mut self,
        cx: &mut Context<'_>,
        credentials: &Credentials,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let user = match &credentials.username {
            Some(template) => self.text_of(cx, template),
            None => {
                let user = cx.settings.user.as_ref();
                user.unwrap_or(&cx.settings.service).clone().into_bytes()
            }
        };
        let password = match &credentials.password {
            Some(template) => self.text_of(cx, template),
            None => cx.settings.password.0.clone().into_bytes(),
        };
        let uri = match &cx.settings.auth_uri {
            Some(uri) => uri.as_bytes(),
            None => text::request_uri(message),
        };
        let challenge = self.challenge.as_mut()?;
        challenge.uses += 1;
        let identity = Identity {
            user: &user,
            secret: Secret::Plain(&password),
            realm: None,
        };
        let value = respond(
            challenge
                .values
                .iter()
                .map(|value| DigestParams::parse(value)),
            &[identity],
            text::method(message),
            uri,
            cx.random.next_u64(),
            challenge.uses,
        )?;
        let name: &[u8] = if challenge.status == 401 {
            b"Authorization: "
        } else {
            b"Proxy-Authorization: "
        };
        Some([name, &value].concat())
    }
}

/// `[authentication …]` in a field of an injection file.
fn injected_credentials(field: &str) -> Option<(&str, Credentials, &str)> {
    let (before, rest) = field.split_once("[authentication")?;
    let (parameters, after) = rest.split_once(']')?;
    let mut problems = Problems::of("");
    let credentials = Reading {
        problems: &mut problems,
        names: &mut Names::default(),
        settings: &Default::default(),
        tables: &[],
        directory: "".as_ref(),
    }
    .credentials(parameters, 0)?;
    Some((before, credentials, after))
}

/// An address as it stands in a URI.
fn push_ip(out: &mut Expansion<'_>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => out.push_display(ip),
        IpAddr::V6(ip) => out.push_display(format_args!("[{ip}]")),
    }
}

fn push_type(out: &mut Expansion<'_>, ip: IpAddr) {
    out.push(if ip.is_ipv6() { b"6" } else { b"4" });
}

/// Seconds and microseconds of Unix time.
fn timestamp(cx: &Context<'_>) -> String {
    let now = cx.settings.epoch + std::time::Duration::from_micros(cx.now.as_micros());
    format!("{}.{:06}", now.as_secs(), now.subsec_micros())
}
