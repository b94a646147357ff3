//! The text of a message with its keywords found. Owns the grammar of
//! `[keyword]`; what a keyword stands for in a call is the session's affair.

use std::path::Path;
use std::sync::Arc;

use super::problem::Problems;
use super::settings::Settings;
use super::table::Table;
use super::variable::{Names, VariableId};

/// Text and keywords, in order.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub(super) parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Clone, Debug)]
pub enum Part {
    /// Bytes to be sent as they are.
    Text(Box<[u8]>),
    /// Something to fill in.
    Keyword(Keyword),
}

/// What may stand in brackets. Numbers are what `+n` or `-n` adds.
#[derive(Clone, Debug)]
pub enum Keyword {
    Service,
    RemoteIp,
    RemoteHost,
    RemotePort(i64),
    Transport,
    LocalIp,
    LocalIpType,
    LocalPort(i64),
    ServerIp,
    MediaIp,
    MediaIpType,
    MediaPort(i64),
    AutoMediaPort(i64),
    Len(i64),
    CallNumber,
    DynamicId,
    CallId,
    Cseq(i64),
    Pid,
    Branch(i64),
    MsgIndex,
    NextUrl,
    PeerTagParam,
    LastRequestUri,
    LastCseqNumber(i64),
    LastMessage,
    /// `[last_Name:]`.
    LastHeader(Box<str>),
    Routes,
    ClockTick,
    Timestamp,
    Date,
    Users,
    UserId,
    SippVersion,
    Variable(VariableId),
    /// `[fill text=… variable=…]`.
    Fill(Box<str>, VariableId),
    /// `[fieldN file=… line=…]`.
    Field(Box<FieldOf>),
    /// `[authentication username=… password=…]`.
    Authentication(Box<Credentials>),
}

/// One field of an injection file.
#[derive(Clone, Debug)]
pub struct FieldOf {
    /// Which of the files.
    pub table: usize,
    /// Which field.
    pub column: usize,
    /// Which line; the call's own without it.
    pub line: Option<Template>,
}

/// Who a call is to a realm; what is absent the settings say.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The user.
    pub username: Option<Template>,
    /// The password.
    pub password: Option<Template>,
}

/// Everything the reading of a template refers to.
pub struct Reading<'a> {
    /// What is wrong, so far.
    pub problems: &'a mut Problems,
    /// The variables met.
    pub names: &'a mut Names,
    /// Own keywords and their values.
    pub settings: &'a Settings,
    /// The injection files.
    pub tables: &'a [Arc<Table>],
    /// The directory files are sought in.
    pub directory: &'a Path,
}

impl Reading<'_> {
    /// The template that `source`, which begins on `line`, says. Line ends
    /// become those of SIP.
    pub fn template(&mut self, source: &str, line: u32) -> Template {
        let mut parts = Vec::new();
        let mut text = Vec::new();
        let (mut rest, mut line) = (source, line);
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            match character {
                '\n' => {
                    line += 1;
                    text.extend_from_slice(b"\r\n");
                }
                '\r' => {}
                '\\' if rest.starts_with('x') => {
                    let (byte, after) = hexadecimal(&rest[1..]);
                    text.extend(byte);
                    rest = after;
                }
                '[' => match self.bracket(rest) {
                    Some((inside, after)) => {
                        rest = after;
                        if !text.is_empty() {
                            parts.push(Part::Text(std::mem::take(&mut text).into()));
                        }
                        parts.extend(self.keyword(inside, line));
                    }
                    None => text.push(b'['),
                },
                _ => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Template { parts }
    }

    /// What stands before the bracket that closes the one before `rest`, and
    /// what follows. `None` where the bracket is text: nothing closes it, or
    /// another opens inside that belongs to no parameter, as in `[[local_ip]]`.
    fn bracket<'s>(&self, rest: &'s str) -> Option<(&'s str, &'s str)> {
        let mut depth = 0;
        let mut quoted = false;
        let mut takes = false;
        for (at, character) in rest.char_indices() {
            match character {
                '"' => quoted = !quoted,
                '\n' => return None,
                _ if quoted => {}
                '=' => takes = true,
                '[' if !takes => return None,
                '[' => depth += 1,
                ']' if depth == 0 => return Some((&rest[..at], &rest[at + 1..])),
                ']' => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn keyword(&mut self, inside: &str, line: u32) -> Option<Part> {
        if let Some((_, value)) = self.settings.keys.iter().find(|(key, _)| key == inside) {
            return Some(Part::Text(value.as_bytes().into()));
        }
        if let Some(name) = inside.strip_prefix('$') {
            return Some(Part::Keyword(Keyword::Variable(self.names.of(name, line))));
        }
        let (name, offset) = split_offset(inside);
        if let Some(keyword) = counted(name, offset) {
            return Some(Part::Keyword(keyword));
        }
        if offset == 0
            && let Some(keyword) = plain(name)
        {
            return Some(Part::Keyword(keyword));
        }
        if let Some(header) = inside.strip_prefix("last_")
            && is_header(header)
        {
            let header = header.trim_end_matches(':');
            return Some(Part::Keyword(Keyword::LastHeader(header.into())));
        }
        let (word, parameters) = inside.split_once([' ', '\t']).unwrap_or((inside, ""));
        match word {
            "authentication" => self
                .credentials(parameters, line)
                .map(|credentials| Part::Keyword(Keyword::Authentication(credentials.into()))),
            "file" => self.file(parameters, line),
            "fill" => self.fill(parameters, line),
            _ if word.starts_with("field") => self.field(word, parameters, line),
            _ => {
                self.refuse_keyword(word, line);
                None
            }
        }
    }

    fn refuse_keyword(&mut self, word: &str, line: u32) {
        let why = if word.starts_with("rtpstream") || word.starts_with("crypto") {
            "is not supported: there is no media"
        } else if word == "tdmmap" {
            "is not supported: there are no TDM circuits"
        } else {
            "is no keyword; define it with --key, or write a bracket as \\x5b"
        };
        self.problems.refuse(line, format!("[{word}] {why}"));
    }

    /// The parameters of `[authentication …]`.
    pub fn credentials(&mut self, parameters: &str, line: u32) -> Option<Credentials> {
        let mut credentials = Credentials::default();
        for (name, value) in self.parameters("authentication", parameters, line) {
            match name {
                "username" => credentials.username = Some(self.template(value, line)),
                "password" => credentials.password = Some(self.template(value, line)),
                _ => {
                    self.problems.refuse(
                        line,
                        format!(
                            "[authentication {name}=…] is not supported; username and password are"
                        ),
                    );
                    return None;
                }
            }
        }
        Some(credentials)
    }

    fn file(&mut self, parameters: &str, line: u32) -> Option<Part> {
        let given = self.parameters("file", parameters, line);
        let Some(&(_, name)) = given.iter().find(|(key, _)| *key == "name") else {
            self.problems.refuse(line, "[file] lacks name=…");
            return None;
        };
        if name.contains('[') {
            self.problems.refuse(
                line,
                "[file name=…] with a keyword in its name is not supported",
            );
            return None;
        }
        match std::fs::read(self.directory.join(name)) {
            Ok(bytes) => Some(Part::Text(bytes.into())),
            Err(error) => {
                self.problems
                    .refuse(line, format!("[file name={name}] cannot be read: {error}"));
                None
            }
        }
    }

    fn fill(&mut self, parameters: &str, line: u32) -> Option<Part> {
        let (mut text, mut variable) = ("X", None);
        for (name, value) in self.parameters("fill", parameters, line) {
            match name {
                "text" if !value.is_empty() => text = value,
                "variable" => variable = Some(self.names.of(value, line)),
                _ => self
                    .problems
                    .refuse(line, format!("[fill {name}=…] is not supported")),
            }
        }
        if variable.is_none() {
            self.problems.refuse(line, "[fill] lacks variable=…");
        }
        Some(Part::Keyword(Keyword::Fill(text.into(), variable?)))
    }

    fn field(&mut self, word: &str, parameters: &str, line: u32) -> Option<Part> {
        let Ok(column) = word["field".len()..].parse() else {
            self.refuse_keyword(word, line);
            return None;
        };
        let mut field = FieldOf {
            table: 0,
            column,
            line: None,
        };
        for (name, value) in self.parameters("field", parameters, line) {
            match name {
                "file" => field.table = self.table(value, line)?,
                "line" => field.line = Some(self.template(value, line)),
                _ => self
                    .problems
                    .refuse(line, format!("[field {name}=…] is not supported")),
            }
        }
        if self.tables.is_empty() {
            self.problems.refuse(
                line,
                format!("[{word}] needs an injection file; give one with --inf"),
            );
            return None;
        }
        Some(Part::Keyword(Keyword::Field(field.into())))
    }

    /// The injection file a scenario calls `name`.
    pub fn table(&mut self, name: &str, line: u32) -> Option<usize> {
        let found = self.tables.iter().position(|table| table.is_named(name));
        if found.is_none() {
            self.problems.refuse(
                line,
                format!("{name:?} is none of the injection files; give it with --inf"),
            );
        }
        found
    }

    /// `name=value` pairs; a value with blanks or brackets may be in quotes.
    fn parameters<'s>(&mut self, of: &str, text: &'s str, line: u32) -> Vec<(&'s str, &'s str)> {
        let mut found = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                self.problems.refuse(
                    line,
                    format!("[{of} {rest}] is not understood: parameters are name=value"),
                );
                break;
            };
            let (value, after) = match after.strip_prefix('"') {
                Some(inside) => inside.split_once('"').unwrap_or((inside, "")),
                None => unquoted(after),
            };
            found.push((name.trim(), value));
            rest = after.trim_start();
        }
        found
    }
}

/// A value without quotes: up to a blank outside brackets.
fn unquoted(text: &str) -> (&str, &str) {
    let mut depth = 0_i32;
    for (at, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            ' ' | '\t' if depth <= 0 => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

fn is_header(name: &str) -> bool {
    let name = name.strip_suffix(':').unwrap_or(name);
    pinion_sip::wire::is_token(name.as_bytes())
}

/// One byte from up to two hexadecimal digits, and what follows.
fn hexadecimal(text: &str) -> (Option<u8>, &str) {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_hexdigit);
    let (digits, rest) = text.split_at(digits.count());
    (u8::from_str_radix(digits, 16).ok(), rest)
}

/// `len+3` is `len` and 3.
fn split_offset(text: &str) -> (&str, i64) {
    if let Some(at) = text.rfind(['+', '-'])
        && text[at + 1..].bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(offset) = text[at..].parse()
    {
        return (&text[..at], offset);
    }
    (text, 0)
}

/// Keywords that take an offset.
fn counted(name: &str, offset: i64) -> Option<Keyword> {
    Some(match name {
        "remote_port" => Keyword::RemotePort(offset),
        "local_port" => Keyword::LocalPort(offset),
        "media_port" => Keyword::MediaPort(offset),
        "auto_media_port" => Keyword::AutoMediaPort(offset),
        "len" => Keyword::Len(offset),
        "cseq" => Keyword::Cseq(offset),
        "branch" => Keyword::Branch(offset),
        "last_cseq_number" => Keyword::LastCseqNumber(offset),
        _ => return None,
    })
}

/// Keywords that take none.
fn plain(name: &str) -> Option<Keyword> {
    Some(match name {
        "service" => Keyword::Service,
        "remote_ip" => Keyword::RemoteIp,
        "remote_host" => Keyword::RemoteHost,
        "transport" => Keyword::Transport,
        "local_ip" => Keyword::LocalIp,
        "local_ip_type" => Keyword::LocalIpType,
        "server_ip" => Keyword::ServerIp,
        "media_ip" => Keyword::MediaIp,
        "media_ip_type" => Keyword::MediaIpType,
        "call_number" => Keyword::CallNumber,
        "dynamic_id" => Keyword::DynamicId,
        "call_id" => Keyword::CallId,
        "pid" => Keyword::Pid,
        "msg_index" => Keyword::MsgIndex,
        "next_url" => Keyword::NextUrl,
        "peer_tag_param" => Keyword::PeerTagParam,
        "last_Request_URI" => Keyword::LastRequestUri,
        "last_message" => Keyword::LastMessage,
        "routes" => Keyword::Routes,
        "clock_tick" => Keyword::ClockTick,
        "timestamp" => Keyword::Timestamp,
        "date" => Keyword::Date,
        "users" => Keyword::Users,
        "userid" => Keyword::UserId,
        "sipp_version" => Keyword::SippVersion,
        _ => return None,
    })
}

/// The text of a message as a scenario indents it: blanks around lines and
/// around the whole go, an empty line ends the header, a line end the body.
pub fn unindent(source: &str) -> (String, u32) {
    let skipped = source.len() - source.trim_start().len();
    let first = source[..skipped].matches('\n').count() as u32;
    let lines: Vec<&str> = source.trim().lines().map(str::trim).collect();
    let has_body = lines.iter().any(|line| line.is_empty());
    let mut text = lines.join("\n");
    text.push_str(if has_body { "\n" } else { "\n\n" });
    (text, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (Template, Vec<String>) {
        let mut problems = Problems::of("x.xml");
        let settings = Settings {
            keys: vec![("mine".to_owned(), "yours".to_owned())],
            ..Settings::default()
        };
        let tables = [Arc::new(Table::parse("a.csv", "USER\nx").unwrap())];
        let template = Reading {
            problems: &mut problems,
            names: &mut Names::default(),
            settings: &settings,
            tables: &tables,
            directory: Path::new("."),
        }
        .template(source, 7);
        let found = match problems.judge(()) {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(ToString::to_string).collect(),
        };
        (template, found)
    }

    /// The parts of a template, keywords as `Debug` shows them.
    fn parts(source: &str) -> Vec<String> {
        let (template, problems) = read(source);
        assert!(problems.is_empty(), "{problems:?}");
        let shown = template.parts.iter().map(|part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Part::Keyword(keyword) => format!("{keyword:?}"),
        });
        shown.collect()
    }

    #[test]
    fn text_and_keywords() {
        assert_eq!(parts("a\nb"), ["a\r\nb"]);
        assert_eq!(parts("a[len]b"), ["a", "Len(0)", "b"]);
        assert_eq!(parts("[branch-22][cseq+1]"), ["Branch(-22)", "Cseq(1)"]);
        assert_eq!(parts("[mine]\\x5bx]"), ["yours", "[x]"]);
        assert_eq!(parts("[last_Call-ID:]"), ["LastHeader(\"Call-ID\")"]);
        assert_eq!(parts("[last_cseq_number+1]"), ["LastCseqNumber(1)"]);
        assert_eq!(parts("[[local_ip]]"), ["[", "LocalIp", "]"]);
    }

    #[test]
    fn parameters_may_hold_keywords() {
        let shown = parts("[authentication username=[field0] password=\"a b\"]");
        assert!(shown[0].contains("Field") && shown[0].contains("97, 32, 98"));
        assert!(parts("[field1 file=\"a.csv\" line=\"[$n]\"]")[0].contains("line: Some"));
        assert!(parts("[fill variable=n text=ab]")[0].starts_with("Fill(\"ab\""));
    }

    #[test]
    fn what_is_no_keyword_is_named_with_its_line() {
        let (_, problems) =
            read("a\n[unknown]\n[tdmmap] [field0 file=b.csv]\n[rtpstream_audio_port]");
        let expected = [
            "x.xml:8: [unknown] is no keyword",
            "x.xml:9: [tdmmap] is not supported",
            "x.xml:9: \"b.csv\" is none of the injection files",
            "x.xml:10: [rtpstream_audio_port] is not supported",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, start) in problems.iter().zip(expected) {
            assert!(problem.starts_with(start), "{problem}");
        }
    }

    #[test]
    fn messages_lose_their_indent() {
        let (text, first) = unindent("\n\n   A b\n   C: d\n\n   v=0 \n\n  ");
        assert_eq!((text.as_str(), first), ("A b\nC: d\n\nv=0\n", 2));
        assert_eq!(unindent("A\n  B: c\n").0, "A\nB: c\n\n");
    }
}
