//! `<action>` and what stands in it.

use roxmltree::Node;

use super::Compiler;
use super::element::Element;
use crate::scenario::pattern;
use crate::scenario::step::{
    Action, Change, Check, Comparison, Loudness, Operand, Operation, Place, Stop,
};
use crate::scenario::template::Template;
use crate::scenario::variable::VariableId;

impl<'a> Compiler<'a> {
    /// The actions of a step.
    pub(super) fn actions(&mut self, step: Node<'a, 'a>) -> Vec<Action> {
        let mut actions = Vec::new();
        for node in step.children().filter(Node::is_element) {
            let outer = Element::new(node);
            if outer.name() != "action" {
                let text = format!("<{}> is not supported here", outer.name());
                self.reading.problems.refuse(outer.line, text);
                continue;
            }
            outer.finish(self.reading.problems);
            for node in node.children().filter(Node::is_element) {
                let mut element = Element::new(node);
                let action = self.action(&mut element);
                if action.is_some() {
                    element.finish(self.reading.problems);
                }
                actions.extend(action);
            }
        }
        actions
    }

    fn action(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        match element.name() {
            "ereg" => self.ereg(element),
            "assign" => Some(Action::Assign {
                to: self.to(element)?,
                value: self.operand(element)?,
            }),
            "assignstr" => Some(Action::AssignStr {
                to: self.to(element)?,
                value: self.template(element, "value")?,
            }),
            "add" => self.arithmetic(element, Operation::Add),
            "subtract" => self.arithmetic(element, Operation::Subtract),
            "multiply" => self.arithmetic(element, Operation::Multiply),
            "divide" => self.arithmetic(element, Operation::Divide),
            "test" => self.test(element),
            "strcmp" => self.strcmp(element),
            "todouble" => Some(Action::ToDouble {
                to: self.to(element)?,
                from: self.variable(element, "variable")?,
            }),
            "trim" => self.change(element, Change::Trim),
            "urlencode" => self.change(element, Change::UrlEncode),
            "urldecode" => self.change(element, Change::UrlDecode),
            "sample" => Some(Action::Sample {
                to: self.to(element)?,
                distribution: self.distribution(element)?,
            }),
            "index" => Some(Action::Index {
                to: self.to(element)?,
            }),
            "jump" => Some(Action::Jump {
                step: self.operand(element)?,
            }),
            "gettimeofday" => self.gettimeofday(element),
            "lookup" => Some(Action::Lookup {
                to: self.to(element)?,
                table: self.table(element)?,
                key: self.template(element, "key")?,
            }),
            "insert" => Some(Action::Insert {
                table: self.table(element)?,
                value: self.template(element, "value")?,
            }),
            "replace" => Some(Action::Replace {
                table: self.table(element)?,
                line: self.template(element, "line")?,
                value: self.template(element, "value")?,
            }),
            "setdest" => self.setdest(element),
            "verifyauth" => Some(Action::VerifyAuth {
                to: self.to(element)?,
                username: self.template(element, "username")?,
                password: self.template(element, "password")?,
            }),
            "log" => self.tell(element, Loudness::Log),
            "warning" => self.tell(element, Loudness::Warning),
            "error" => self.tell(element, Loudness::Error),
            "exec" => self.exec(element),
            name => {
                let text = format!("action <{name}> is not supported");
                self.reading.problems.refuse(element.line, text);
                None
            }
        }
    }

    fn variable(
        &mut self,
        element: &mut Element<'a, 'a>,
        name: &'static str,
    ) -> Option<VariableId> {
        let variable = element.needed(name, self.reading.problems)?;
        Some(self.reading.names.of(variable, element.line))
    }

    fn to(&mut self, element: &mut Element<'a, 'a>) -> Option<VariableId> {
        self.variable(element, "assign_to")
    }

    fn maybe_to(&mut self, element: &mut Element<'a, 'a>) -> Option<VariableId> {
        let variable = element.text("assign_to")?;
        Some(self.reading.names.of(variable, element.line))
    }

    fn template(&mut self, element: &mut Element<'a, 'a>, name: &'static str) -> Option<Template> {
        let text = element.needed(name, self.reading.problems)?;
        Some(self.reading.template(text, element.line))
    }

    fn table(&mut self, element: &mut Element<'a, 'a>) -> Option<usize> {
        let name = element.needed("file", self.reading.problems)?;
        self.reading.table(name, element.line)
    }

    /// `value`, or else `variable`.
    fn operand(&mut self, element: &mut Element<'a, 'a>) -> Option<Operand> {
        self.operand_of(element, "variable")
    }

    fn operand_of(&mut self, element: &mut Element<'a, 'a>, name: &'static str) -> Option<Operand> {
        match element.text(name) {
            Some(variable) => {
                let variable = self.reading.names.of(variable, element.line);
                Some(Operand::Variable(variable))
            }
            None => {
                element.needed("value", self.reading.problems)?;
                let number = element.number("value", self.reading.problems)?;
                Some(Operand::Number(number))
            }
        }
    }

    fn check(&mut self, element: &mut Element<'a, 'a>) -> Check {
        let matches = element.flag("check_it", self.reading.problems);
        let mismatches = element.flag("check_it_inverse", self.reading.problems);
        match (matches, mismatches) {
            (true, true) => {
                let text = "check_it and check_it_inverse cannot both be true";
                self.reading.problems.refuse(element.line, text);
                Check::No
            }
            (true, false) => Check::Match,
            (false, true) => Check::Mismatch,
            (false, false) => Check::No,
        }
    }

    fn ereg(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        let regexp = element.needed("regexp", self.reading.problems)?;
        let pattern = pattern::compile(regexp)
            .map_err(|why| self.reading.problems.refuse(element.line, why))
            .ok();
        let place = self.place(element);
        let check = self.check(element);
        let names = element.text("assign_to").unwrap_or("");
        let names = names.split(',').map(str::trim).filter(|n| !n.is_empty());
        let to: Vec<_> = names
            .map(|name| self.reading.names.of(name, element.line))
            .collect();
        let pattern = pattern?;
        if to.len() > pattern.captures_len() {
            self.reading.problems.refuse(
                element.line,
                format!(
                    "<ereg> assigns {} variables from {} sub-expressions",
                    to.len(),
                    pattern.captures_len() - 1
                ),
            );
        }
        Some(Action::Ereg {
            pattern,
            place: place?,
            check,
            to,
        })
    }

    fn place(&mut self, element: &mut Element<'a, 'a>) -> Option<Place> {
        element.ignore(&[
            "header",
            "variable",
            "case_indep",
            "occurrence",
            "occurence",
        ]);
        element.ignore(&["start_line"]);
        match element.text("search_in") {
            None | Some("msg") => Some(Place::Message),
            Some("body") => Some(Place::Body),
            Some("var") => self.variable(element, "variable").map(Place::Variable),
            Some("hdr") => {
                let name = element.needed("header", self.reading.problems)?;
                let problems = &mut *self.reading.problems;
                // SIPp reads both spellings.
                let occurrence = element.number("occurrence", problems);
                let occurrence = occurrence.or(element.number("occurence", problems));
                Some(Place::Header {
                    name: name.into(),
                    any_case: element.flag("case_indep", problems),
                    occurrence: occurrence.map_or(1, |n| n as usize).max(1),
                    at_start: element.flag("start_line", problems),
                })
            }
            Some(text) => {
                let wanted = "msg, hdr, body or var";
                element.refuse_value("search_in", text, wanted, self.reading.problems);
                None
            }
        }
    }

    fn arithmetic(
        &mut self,
        element: &mut Element<'a, 'a>,
        operation: Operation,
    ) -> Option<Action> {
        let to = self.to(element)?;
        let value = self.operand(element)?;
        if operation == Operation::Divide && matches!(value, Operand::Number(0.0)) {
            element.refuse_value("value", "0", "a divisor", self.reading.problems);
        }
        Some(Action::Arithmetic {
            operation,
            to,
            value,
        })
    }

    fn test(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        let text = element.needed("compare", self.reading.problems)?;
        let comparison = match text {
            "equal" => Comparison::Equal,
            "not_equal" => Comparison::NotEqual,
            "greater_than" => Comparison::GreaterThan,
            "less_than" => Comparison::LessThan,
            "greater_than_equal" => Comparison::GreaterThanEqual,
            "less_than_equal" => Comparison::LessThanEqual,
            _ => {
                let wanted = "equal, not_equal, greater_than, less_than, greater_than_equal or less_than_equal";
                element.refuse_value("compare", text, wanted, self.reading.problems);
                return None;
            }
        };
        Some(Action::Test {
            to: self.maybe_to(element),
            left: self.variable(element, "variable")?,
            comparison,
            right: self.operand_of(element, "variable2")?,
            check: self.check(element),
        })
    }

    fn strcmp(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        let right = match element.text("variable2") {
            Some(name) => self.reading.template(&format!("[${name}]"), element.line),
            None => self.template(element, "value")?,
        };
        Some(Action::StrCmp {
            to: self.maybe_to(element),
            left: self.variable(element, "variable")?,
            right,
            check: self.check(element),
        })
    }

    fn change(&mut self, element: &mut Element<'a, 'a>, change: Change) -> Option<Action> {
        let name = if change == Change::Trim {
            "assign_to"
        } else {
            "variable"
        };
        Some(Action::Change {
            change,
            to: self.variable(element, name)?,
        })
    }

    fn gettimeofday(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        let names = element.needed("assign_to", self.reading.problems)?;
        let mut names = names.split(',').map(str::trim);
        let mut next = || {
            let name = names.next()?;
            Some(self.reading.names.of(name, element.line))
        };
        Some(Action::GetTimeOfDay {
            seconds: next()?,
            microseconds: next(),
        })
    }

    fn setdest(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        let protocol = element.text("protocol");
        if let Some(protocol) = protocol
            && !protocol.starts_with('[')
            && !protocol.eq_ignore_ascii_case("udp")
        {
            element.refuse_value("protocol", protocol, "udp", self.reading.problems);
        }
        Some(Action::SetDest {
            host: self.template(element, "host")?,
            port: self.template(element, "port")?,
        })
    }

    fn tell(&mut self, element: &mut Element<'a, 'a>, loudness: Loudness) -> Option<Action> {
        let text = self.template(element, "message")?;
        Some(Action::Tell { loudness, text })
    }

    /// `exec`: commands to the run itself. Media does nothing here, and a
    /// shell is not given out.
    fn exec(&mut self, element: &mut Element<'a, 'a>) -> Option<Action> {
        const MEDIA: [&str; 7] = [
            "play_pcap_audio",
            "play_pcap_image",
            "play_pcap_video",
            "play_dtmf",
            "rtp_stream",
            "rtp_echo",
            "rtpcheck",
        ];
        if let Some(command) = element.text("int_cmd") {
            let stop = match command {
                "stop_call" => Stop::Call,
                "stop_gracefully" => Stop::Gracefully,
                "stop_now" => Stop::Now,
                _ => {
                    let wanted = "stop_call, stop_gracefully or stop_now";
                    element.refuse_value("int_cmd", command, wanted, self.reading.problems);
                    return None;
                }
            };
            return Some(Action::Stop(stop));
        }
        let name = element.node.attributes().next().map_or("", |a| a.name());
        if MEDIA.contains(&name) {
            let text = format!("<exec {name}=…> has no effect: there is no media");
            self.reading.problems.warn(element.line, text);
        } else {
            let text = format!("<exec {name}=…> is not supported; int_cmd is");
            self.reading.problems.refuse(element.line, text);
        }
        None
    }
}
