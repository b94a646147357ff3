//! The actions of a step.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::auth::{Secret, proves};
use pinion_sip::wire::DigestParams;

use super::{Context, Session};
use crate::scenario::score::{Cause, Failure};
use crate::scenario::step::{
    Action, Change, Check, Comparison, Loudness, Operand, Operation, Place, Step, Stop,
};
use crate::scenario::text;
use crate::scenario::variable::{Value, parse_number};

impl Session {
    /// Takes the actions of `step`, which `message` brought about. An action
    /// that fails makes the call a failure and keeps the step's other actions
    /// from being taken; `Err` ends the call at once.
    pub(super) fn act(
        &mut self,
        cx: &mut Context<'_>,
        step: &Step,
        message: Option<&[u8]>,
    ) -> Result<(), Failure> {
        for action in &step.actions {
            match self.take(cx, action, message.unwrap_or(b"")) {
                Ok(()) => {}
                Err(Cause::Stopped) => {
                    let cause = Cause::Stopped;
                    let line = step.line;
                    return Err(Failure { cause, line });
                }
                Err(cause) => {
                    self.blame(cause, step.line);
                    break;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, cx: &mut Context<'_>, action: &Action, message: &[u8]) -> Result<(), Cause> {
        match action {
            Action::Ereg { .. } => return self.ereg(cx, action, message),
            Action::Assign { to, value } => {
                let number = self.operand(cx, *value);
                self.set(cx, *to, Value::Number(number));
            }
            Action::AssignStr { to, value } => {
                let text = self.text_of(cx, value);
                self.set(cx, *to, Value::Text(text));
            }
            Action::Arithmetic {
                operation,
                to,
                value,
            } => {
                let (left, right) = (self.value(cx, *to).number(), self.operand(cx, *value));
                let result = match operation {
                    Operation::Add => left + right,
                    Operation::Subtract => left - right,
                    Operation::Multiply => left * right,
                    // As SIPp: what cannot be divided stays.
                    Operation::Divide if right == 0.0 => left,
                    Operation::Divide => left / right,
                };
                self.set(cx, *to, Value::Number(result));
            }
            Action::Test {
                to,
                left,
                comparison,
                right,
                check,
            } => {
                let (left, right) = (self.value(cx, *left).number(), self.operand(cx, *right));
                let holds = compare(left, *comparison, right);
                if let Some(to) = to {
                    self.set(cx, *to, Value::Flag(holds));
                }
                return verify(holds, *check);
            }
            Action::StrCmp {
                to,
                left,
                right,
                check,
            } => {
                let right = self.text_of(cx, right);
                let mut text = Vec::new();
                self.value(cx, *left).write(&mut text);
                let order = text.cmp(&right);
                if let Some(to) = to {
                    self.set(cx, *to, Value::Number(f64::from(order as i8)));
                }
                return verify(order.is_eq(), *check);
            }
            Action::ToDouble { to, from } => {
                let number = self.value(cx, *from).number();
                self.set(cx, *to, Value::Number(number));
            }
            Action::Change { change, to } => {
                let mut text = Vec::new();
                self.value(cx, *to).write(&mut text);
                self.set(cx, *to, Value::Text(changed(*change, &text)));
            }
            Action::Sample { to, distribution } => {
                let number = distribution.sample(cx.random);
                self.set(cx, *to, Value::Number(number));
            }
            Action::Index { to } => self.set(cx, *to, Value::Number(self.at as f64)),
            Action::Jump { step } => {
                self.jump_to = Some(self.operand(cx, *step).max(0.0) as usize);
            }
            Action::GetTimeOfDay {
                seconds,
                microseconds,
            } => {
                let now = cx.settings.epoch + Duration::from_micros(cx.now.as_micros());
                self.set(cx, *seconds, Value::Number(now.as_secs() as f64));
                if let Some(to) = microseconds {
                    self.set(cx, *to, Value::Number(f64::from(now.subsec_micros())));
                }
            }
            Action::Lookup { .. } | Action::Insert { .. } | Action::Replace { .. } => {
                self.use_table(cx, action);
            }
            Action::SetDest { host, port } => {
                let (host, port) = (self.text_of(cx, host), self.text_of(cx, port));
                let address = address(&host, &port).ok_or(Cause::Destination)?;
                self.begin.flow.remote = address;
                self.last_flow.remote = address;
            }
            Action::VerifyAuth {
                to,
                username,
                password,
            } => {
                let (user, password) = (self.text_of(cx, username), self.text_of(cx, password));
                let proven = is_proven(message, &user, &password);
                self.set(cx, *to, Value::Flag(proven));
            }
            Action::Tell { loudness, text } => {
                let line = self.text_of(cx, text);
                let line = String::from_utf8_lossy(&line).into_owned();
                cx.score.tell(*loudness, line);
                if *loudness == Loudness::Error {
                    cx.score.stop = Some(Stop::Now);
                }
            }
            Action::Stop(Stop::Call) => return Err(Cause::Stopped),
            Action::Stop(stop) => cx.score.stop = Some(*stop),
        }
        Ok(())
    }

    fn operand(&self, cx: &Context<'_>, operand: Operand) -> f64 {
        match operand {
            Operand::Number(number) => number,
            Operand::Variable(variable) => self.value(cx, variable).number(),
        }
    }

    fn ereg(&mut self, cx: &mut Context<'_>, action: &Action, message: &[u8]) -> Result<(), Cause> {
        let Action::Ereg {
            pattern,
            place,
            check,
            to,
        } = action
        else {
            return Ok(());
        };
        let mut text = Vec::new();
        let searched = match place {
            Place::Message => Some(message),
            Place::Body => Some(text::body(message)).filter(|body| !body.is_empty()),
            Place::Header {
                name,
                any_case,
                occurrence,
                at_start,
            } => {
                let found = after(message, name.as_bytes(), *any_case, *at_start);
                found.into_iter().nth(occurrence - 1)
            }
            Place::Variable(variable) => {
                let value = self.value(cx, *variable);
                value.write(&mut text);
                value.is_set().then_some(&*text)
            }
        };
        if searched.is_none() && *check == Check::Match {
            return Err(Cause::Missing);
        }
        let groups = pattern.captures(searched.unwrap_or(b""));
        for (group, &variable) in to.iter().enumerate() {
            let found = groups.as_ref().and_then(|groups| groups.get(group));
            let value = match found {
                Some(found) => Value::Text(found.as_bytes().to_vec()),
                None => Value::Unset,
            };
            self.set(cx, variable, value);
        }
        verify(groups.is_some(), *check)
    }

    fn use_table(&mut self, cx: &mut Context<'_>, action: &Action) {
        match action {
            Action::Lookup { to, table, key } => {
                let key = self.text_of(cx, key);
                let key = String::from_utf8_lossy(&key);
                let line = cx.tables.get(*table).and_then(|table| table.lookup(&key));
                let number = line.map_or(-1.0, |line| line as f64);
                self.set(cx, *to, Value::Number(number));
            }
            Action::Insert { table, value } => {
                let text = self.text_of(cx, value);
                if let Some(table) = cx.tables.get_mut(*table) {
                    Arc::make_mut(table).insert(&String::from_utf8_lossy(&text));
                }
            }
            Action::Replace { table, line, value } => {
                let line = parse_number(&self.text_of(cx, line)).filter(|line| *line >= 0.0);
                let text = self.text_of(cx, value);
                if let (Some(table), Some(line)) = (cx.tables.get_mut(*table), line) {
                    let text = String::from_utf8_lossy(&text);
                    Arc::make_mut(table).replace(line as usize, &text);
                }
            }
            _ => {}
        }
    }
}

fn verify(holds: bool, check: Check) -> Result<(), Cause> {
    match check {
        Check::Match if !holds => Err(Cause::Check),
        Check::Mismatch if holds => Err(Cause::Check),
        _ => Ok(()),
    }
}

fn compare(left: f64, comparison: Comparison, right: f64) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::GreaterThan => left > right,
        Comparison::LessThan => left < right,
        Comparison::GreaterThanEqual => left >= right,
        Comparison::LessThanEqual => left <= right,
    }
}

/// What follows `name` on each line that holds it, or begins with it.
fn after<'m>(message: &'m [u8], name: &[u8], any_case: bool, at_start: bool) -> Vec<&'m [u8]> {
    let same = |window: &[u8]| window == name || any_case && window.eq_ignore_ascii_case(name);
    let lines = message.split(|&byte| byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .filter_map(|line| {
            let at = if at_start {
                line.get(..name.len())
                    .filter(|start| same(start))
                    .map(|_| 0)
            } else {
                line.windows(name.len().max(1)).position(same)
            };
            at.map(|at| &line[at + name.len()..])
        })
        .collect()
}

fn address(host: &[u8], port: &[u8]) -> Option<SocketAddr> {
    let host = std::str::from_utf8(host).ok()?.trim();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    let port = parse_number(port).filter(|port| (1.0..=65_535.0).contains(port))?;
    Some(SocketAddr::new(ip, port as u16))
}

/// Whether one of a request's credentials proves that `password` is known.
fn is_proven(request: &[u8], user: &[u8], password: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"Authorization", b"Proxy-Authorization"];
    let method = text::method(request);
    names.into_iter().any(|name| {
        text::named(request, name).any(|field| {
            let params = DigestParams::parse(field.value);
            proves(&params, method, user, Secret::Plain(password))
        })
    })
}

fn changed(change: Change, text: &[u8]) -> Vec<u8> {
    match change {
        Change::Trim => text.trim_ascii().to_vec(),
        Change::UrlEncode => percent_encoding::percent_encode(text, ESCAPED)
            .to_string()
            .into_bytes(),
        Change::UrlDecode => percent_encoding::percent_decode(text).collect(),
    }
}

/// What RFC 3986 §2.3 does not leave as it is.
const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
