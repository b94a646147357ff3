//! `send`, `recv`, `pause`, `timewait` and `nop`.

use std::time::Duration;

use roxmltree::Node;

use super::Compiler;
use super::element::{Element, line_of};
use crate::scenario::distribution::{Distribution, SHAPES};
use crate::scenario::pattern;
use crate::scenario::step::{
    Branching, Expected, Kind, Length, Marks, Optional, Pause, Recv, Send, Step,
};
use crate::scenario::template::{Template, unindent};

impl<'a> Compiler<'a> {
    /// One step; `None` if it was refused as a whole.
    pub(super) fn step(&mut self, node: Node<'a, 'a>) -> Option<Step> {
        let mut element = Element::new(node);
        let line = element.line;
        let kind = match element.name() {
            "send" => self.send(&mut element).map(Kind::Send),
            "recv" => self.recv(&mut element).map(Kind::Recv),
            "pause" => self.pause(&mut element, false).map(Kind::Pause),
            "timewait" => self.pause(&mut element, true).map(Kind::Pause),
            "nop" => Some(Kind::Nop),
            name => {
                let why = "is not supported: third-party call control needs two generators";
                let refusal = format!("<{name}> {why}");
                self.reading.problems.refuse(line, refusal);
                return None;
            }
        };
        let branching = self.branching(&mut element);
        let marks = self.marks(&mut element);
        element.ignore(&["crlf", "hide", "display"]);
        element.finish(self.reading.problems);
        let actions = self.actions(node);
        Some(Step {
            line,
            kind: kind?,
            branching,
            marks,
            actions,
        })
    }

    fn branching(&mut self, element: &mut Element<'a, 'a>) -> Branching {
        let next = element.text("next");
        let next = next.and_then(|label| self.label(label, element.line));
        let test = element.text("test");
        let test = test.map(|name| self.reading.names.of(name, element.line));
        let chance = element.number("chance", self.reading.problems);
        if let Some(chance) = chance
            && !(0.0..=1.0).contains(&chance)
        {
            element.refuse_value(
                "chance",
                &chance.to_string(),
                "between 0 and 1",
                self.reading.problems,
            );
        }
        let condition = element.text("condexec");
        let condition = condition.map(|name| self.reading.names.of(name, element.line));
        let inverse = element.flag("condexec_inverse", self.reading.problems);
        Branching {
            next,
            test,
            chance,
            condition: condition.map(|variable| (variable, inverse)),
        }
    }

    fn label(&mut self, label: &str, line: u32) -> Option<usize> {
        let step = self.labels.get(label).copied();
        if step.is_none() {
            let text = format!("there is no <label id={label:?}/>");
            self.reading.problems.refuse(line, text);
        }
        step
    }

    fn on_timeout(&mut self, element: &mut Element<'a, 'a>) -> Option<usize> {
        let label = element.text("ontimeout")?;
        self.label(label, element.line)
    }

    fn marks(&mut self, element: &mut Element<'a, 'a>) -> Marks {
        let start = element.text("start_rtd");
        let stop = element.text("rtd");
        let repeats = element.flag("repeat_rtd", self.reading.problems);
        let counter = element.text("counter");
        Marks {
            start: timers(start, &mut self.timers),
            stop: timers(stop, &mut self.timers),
            repeats,
            counter: counter.map(|name| index_of(name, &mut self.counters)),
        }
    }

    fn lost(&mut self, element: &mut Element<'a, 'a>) -> f64 {
        let lost = element.number("lost", self.reading.problems).unwrap_or(0.0);
        if !(0.0..=100.0).contains(&lost) {
            let text = lost.to_string();
            element.refuse_value("lost", &text, "between 0 and 100", self.reading.problems);
        }
        lost
    }

    fn millis(&mut self, element: &mut Element<'a, 'a>, name: &'static str) -> Option<Duration> {
        let number = element.number(name, self.reading.problems)?;
        let duration = Duration::try_from_secs_f64(number / 1000.0).ok();
        if duration.is_none() {
            let text = number.to_string();
            element.refuse_value(name, &text, "a time in milliseconds", self.reading.problems);
        }
        duration.filter(|duration| !duration.is_zero())
    }

    fn transaction(&mut self, element: &mut Element<'a, 'a>, name: &'static str) -> Option<usize> {
        let text = element.text(name)?;
        Some(index_of(text, &mut self.transactions))
    }

    fn send(&mut self, element: &mut Element<'a, 'a>) -> Option<Send> {
        let t1 = self.millis(element, "retrans");
        let lost = self.lost(element);
        let on_timeout = self.on_timeout(element);
        let starts = self.transaction(element, "start_txn");
        self.transaction(element, "ack_txn");
        // A datagram is sent or dropped at once, so there is nothing to time.
        element.ignore(&["timeout"]);
        let (template, method) = self.message(element)?;
        if let Some(method) = &method
            && starts.is_none()
            && &**method != "ACK"
            && !self.methods.contains(method)
        {
            self.methods.push(method.clone());
        }
        Some(Send {
            template,
            method,
            t1,
            lost,
            on_timeout,
            starts,
        })
    }

    /// The message in a `send`, and its method unless it is a response.
    fn message(&mut self, element: &Element<'a, 'a>) -> Option<(Template, Option<Box<str>>)> {
        let texts = element.node.children().filter(Node::is_text);
        let Some(node) = texts
            .into_iter()
            .find(|node| node.text().is_some_and(|text| !text.trim().is_empty()))
        else {
            let text = "<send> holds no message";
            self.reading.problems.refuse(element.line, text);
            return None;
        };
        let source = node.text().unwrap_or("");
        let (text, first) = unindent(source);
        let line = line_of(node) + first;
        let template = self.reading.template(&text, line);
        let word = text.split_whitespace().next().unwrap_or("");
        if word.starts_with("SIP/") {
            return Some((template, None));
        }
        Some((template, Some(word.into())))
    }

    fn recv(&mut self, element: &mut Element<'a, 'a>) -> Option<Recv> {
        let optional = match element.text("optional") {
            Some("true") => Optional::Yes,
            Some("global") => Optional::Global,
            None | Some("false") => Optional::No,
            Some(text) => {
                let wanted = "true, false or global";
                element.refuse_value("optional", text, wanted, self.reading.problems);
                Optional::No
            }
        };
        let keeps_challenge = element.flag("auth", self.reading.problems);
        let keeps_routes = element.flag("rrs", self.reading.problems);
        let lost = self.lost(element);
        let timeout = self.millis(element, "timeout");
        let on_timeout = self.on_timeout(element);
        element.ignore(&["ignoresdp"]);
        Some(Recv {
            expected: self.expected(element)?,
            optional,
            keeps_challenge,
            keeps_routes,
            lost,
            timeout,
            on_timeout,
        })
    }

    fn expected(&mut self, element: &mut Element<'a, 'a>) -> Option<Expected> {
        let response = element.text("response");
        let request = element.text("request");
        let matches = element.flag("regexp_match", self.reading.problems);
        let transaction = self.transaction(element, "response_txn");
        let problems = &mut *self.reading.problems;
        match (response, request) {
            (Some(text), None) => {
                let status = text.parse().ok().filter(|s| (100..=699).contains(s));
                if matches {
                    let text = "<recv response=… regexp_match=…> is not supported; requests may be matched";
                    problems.refuse(element.line, text);
                }
                if status.is_none() {
                    element.refuse_value("response", text, "a status", problems);
                }
                Some(Expected::Response {
                    status: status?,
                    methods: self.methods.clone(),
                    transaction,
                })
            }
            (None, Some(method)) if !matches => Some(Expected::Request(method.into())),
            (None, Some(text)) => pattern::compile(text)
                .map_err(|why| problems.refuse(element.line, why))
                .ok()
                .map(Expected::Matching),
            _ => {
                let text = "<recv> takes one of response and request";
                problems.refuse(element.line, text);
                None
            }
        }
    }

    fn pause(&mut self, element: &mut Element<'a, 'a>, is_timewait: bool) -> Option<Pause> {
        element.ignore(&["sanity_check"]);
        let variable = element.text("variable");
        let millis = element.number("milliseconds", self.reading.problems);
        let length = if let Some(name) = variable {
            Length::Variable(self.reading.names.of(name, element.line))
        } else if let Some(millis) = millis {
            Length::Drawn(Distribution::Fixed(millis))
        } else if element.node.has_attribute("distribution") {
            Length::Drawn(self.distribution(element)?)
        } else {
            Length::Default
        };
        Some(Pause {
            length,
            is_timewait,
        })
    }

    /// `distribution` and the attributes it takes.
    pub(super) fn distribution(&mut self, element: &mut Element<'a, 'a>) -> Option<Distribution> {
        let name = element.needed("distribution", self.reading.problems)?;
        let Some((_, attributes)) = SHAPES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = SHAPES.iter().map(|(name, _)| *name).collect();
            let wanted = format!("one of {}", known.join(", "));
            element.refuse_value("distribution", name, &wanted, self.reading.problems);
            return None;
        };
        let mut values = Vec::new();
        for attribute in *attributes {
            element.needed(attribute, self.reading.problems)?;
            values.push(element.number(attribute, self.reading.problems)?);
        }
        let made = Distribution::new(name, &values);
        if made.is_none() {
            let wanted = format!("possible with {} {values:?}", attributes.join(" and "));
            element.refuse_value("distribution", name, &wanted, self.reading.problems);
        }
        made
    }
}

/// The timers of `start_rtd` or `rtd`; `true` is the first.
fn timers(names: Option<&str>, known: &mut Vec<String>) -> Vec<usize> {
    let names = names.unwrap_or("").split(',').map(str::trim);
    let meant = names.filter(|name| !name.is_empty() && *name != "false");
    let meant = meant.map(|name| if name == "true" { "1" } else { name });
    meant.map(|name| index_of(name, known)).collect()
}

/// Where `name` stands among `known`, at the end if it is new.
fn index_of(name: &str, known: &mut Vec<String>) -> usize {
    known
        .iter()
        .position(|other| other == name)
        .unwrap_or_else(|| {
            known.push(name.to_owned());
            known.len() - 1
        })
}
