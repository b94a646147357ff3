//! `dialplan show`: a plan in the columns of Asterisk's console, so that what
//! reads those reads these. Contexts stand in the order of the file, where
//! Asterisk has the last first.

use std::io::{self, Write};

use pinion_sip::dialplan::{Context, Extension, Match, Pattern, Plan, split_hint};

/// Who made all there is.
const REGISTRAR: &str = "pbx_config";

/// How much of a plan is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted<'a> {
    /// One context; all if there is none.
    pub context: Option<&'a str>,
    /// The extensions that match this; all if there is none.
    pub exten: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// `context`, `exten@context`, `exten@` or `@context`.
    pub fn of(text: &'a str) -> Wanted<'a> {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        match text.split_once('@') {
            Some((exten, context)) => Wanted {
                context: some(context),
                exten: some(exten),
            },
            None => Wanted {
                context: some(text),
                exten: None,
            },
        }
    }
}

/// Writes what is wanted. Whether there was any; if not, a sentence says so.
pub fn show(plan: &Plan, wanted: Wanted<'_>, out: &mut dyn Write) -> io::Result<bool> {
    let mut listing = Listing {
        plan,
        out,
        contexts: 0,
        extensions: 0,
        priorities: 0,
    };
    let Wanted { context, exten } = wanted;
    if let Some(name) = context.filter(|name| plan.context(name).is_none()) {
        writeln!(listing.out, "There is no existence of '{name}' context")?;
        return Ok(false);
    }
    let named = |known: &&Context| context.is_none_or(|name| known.name() == name);
    for context in plan.contexts().iter().filter(named) {
        listing.context(context, exten, &mut Vec::new())?;
    }
    match (exten, context) {
        (Some(exten), Some(context)) if listing.extensions == 0 => {
            writeln!(
                listing.out,
                "There is no existence of {exten}@{context} extension"
            )?;
            Ok(false)
        }
        (Some(exten), None) if listing.extensions == 0 => {
            writeln!(
                listing.out,
                "There is no existence of '{exten}' extension in all contexts"
            )?;
            Ok(false)
        }
        _ => listing.end().map(|()| true),
    }
}

struct Listing<'a> {
    plan: &'a Plan,
    out: &'a mut dyn Write,
    contexts: usize,
    extensions: usize,
    priorities: usize,
}

impl<'a> Listing<'a> {
    /// Lists a context. Where an extension is wanted, those it includes follow,
    /// each once; `way` holds the contexts already listed.
    fn context(
        &mut self,
        context: &'a Context,
        exten: Option<&str>,
        way: &mut Vec<&'a str>,
    ) -> io::Result<()> {
        let included = !way.is_empty();
        way.push(context.name());
        let matches = |extension: &&Extension| {
            exten.is_none_or(|exten| extension.pattern().matches(exten) == Match::Yes)
        };
        let extensions: Vec<_> = context.extensions().iter().filter(matches).collect();
        let listed = exten.is_none() || !extensions.is_empty();
        if listed {
            self.contexts += 1;
            let kind = if included {
                "Included context"
            } else {
                "Context"
            };
            let name = context.name();
            writeln!(self.out, "[ {kind} '{name}' created by '{REGISTRAR}' ]")?;
        }
        for extension in extensions {
            self.extension(extension)?;
        }
        for include in context.includes() {
            match exten {
                None => {
                    let times = include.schedule.as_ref();
                    let times = times.map_or(String::new(), |times| format!(",{}", times.as_str()));
                    self.line("Include =>", &format!("'{}{times}'", include.name))?;
                }
                Some(_) => {
                    let next = self.plan.context(&include.name);
                    if let Some(next) = next.filter(|next| !way.contains(&next.name())) {
                        self.context(next, exten, way)?;
                    }
                }
            }
        }
        if listed {
            self.rest(context, exten, included)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn extension(&mut self, extension: &Extension) -> io::Result<()> {
        self.extensions += 1;
        let name = extension.pattern().as_str();
        let mut first = match extension.caller() {
            Some(caller) => format!("'{name}' (CID match '{}') => ", caller.as_str()),
            None => format!("'{name}' =>"),
        };
        if let Some(hint) = extension.hint() {
            self.priorities += 1;
            self.line(
                &std::mem::take(&mut first),
                &format!("hint: {}", split_hint(hint).0),
            )?;
        }
        for instruction in extension.instructions() {
            self.priorities += 1;
            if let Some(label) = instruction.label.as_ref().filter(|_| first.is_empty()) {
                first = format!("   [{label}]");
            }
            let text = format!(
                "{}. {}({})",
                instruction.priority, instruction.application, instruction.arguments
            );
            self.line(&std::mem::take(&mut first), &text)?;
        }
        Ok(())
    }

    /// What a context has besides extensions and includes.
    fn rest(&mut self, context: &Context, exten: Option<&str>, included: bool) -> io::Result<()> {
        for ignored in context.ignorepats() {
            let whole = Pattern::new(&format!("_{ignored}."));
            if exten.is_none_or(|exten| whole.matches(exten) == Match::Yes) {
                self.line("Ignore pattern =>", &format!("'{ignored}'"))?;
            }
        }
        for switch in context.switches().iter().filter(|_| !included) {
            self.line("Alt. Switch =>", &format!("'{switch}'"))?;
        }
        Ok(())
    }

    fn line(&mut self, first: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {first:<17} {text:<45} [{REGISTRAR}]")
    }

    fn end(&mut self) -> io::Result<()> {
        let of = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        writeln!(
            self.out,
            "-= {} ({}) in {}. =-",
            of(self.extensions, "extension"),
            if self.priorities == 1 {
                "1 priority".into()
            } else {
                format!("{} priorities", self.priorities)
            },
            of(self.contexts, "context"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::extensions::parse_extensions;

    fn shown(plan: &str, wanted: &str) -> (bool, String) {
        let (plan, _) = parse_extensions(plan, "x").unwrap();
        let mut out = Vec::new();
        let found = show(&plan, Wanted::of(wanted), &mut out).unwrap();
        (found, String::from_utf8(out).unwrap())
    }

    const PLAN: &str = "[messages]\nexten => _X.,1,NoOp(sip:${EXTEN},${MESSAGE(from)})\n\
        [default]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

    #[test]
    fn the_columns_are_those_of_asterisks_console() {
        let expected = "\
[ Context 'messages' created by 'pbx_config' ]
  '_X.' =>          1. NoOp(sip:${EXTEN},${MESSAGE(from)})        [pbx_config]

[ Context 'default' created by 'pbx_config' ]
  '_X.' =>          1. Dial(SIP/${EXTEN},20)                      [pbx_config]

-= 2 extensions (2 priorities) in 2 contexts. =-
";
        assert_eq!(shown(PLAN, ""), (true, expected.into()));
    }

    #[test]
    fn one_context_is_counted_in_the_singular() {
        let expected = "\
[ Context 'default' created by 'pbx_config' ]
  '_X.' =>          1. Dial(SIP/${EXTEN},20)                      [pbx_config]

-= 1 extension (1 priority) in 1 context. =-
";
        assert_eq!(shown(PLAN, "default"), (true, expected.into()));
        assert_eq!(shown(PLAN, "@default"), (true, expected.into()));
    }

    const RICH: &str = "[a]\nexten => 1,hint,SIP/1(Alice)\nexten => 1,1,NoOp(a)\nexten => 1,n(go),Busy\n\
        exten => 1/42,1(first),Hangup\ninclude => b\ninclude => c,9:00-17:00,mon-fri,*,*\nignorepat => 9\n\
        switch => Realtime/x@y\n[b]\nexten => _X,1,NoOp(b)\ninclude => a\n[c]\n";

    #[test]
    fn labels_hints_callers_includes_and_the_rest_have_their_columns() {
        let expected = "\
[ Context 'a' created by 'pbx_config' ]
  '1' (CID match '42') =>  1. Hangup()                                   [pbx_config]
  '1' =>            hint: SIP/1                                   [pbx_config]
                    1. NoOp(a)                                    [pbx_config]
     [go]           2. Busy()                                     [pbx_config]
  Include =>        'b'                                           [pbx_config]
  Include =>        'c,9:00-17:00,mon-fri,*,*'                    [pbx_config]
  Ignore pattern => '9'                                           [pbx_config]
  Alt. Switch =>    'Realtime/x@y'                                [pbx_config]

-= 2 extensions (4 priorities) in 1 context. =-
";
        assert_eq!(shown(RICH, "a").1, expected);
    }

    #[test]
    fn an_extension_is_looked_for_in_included_contexts_too() {
        let expected = "\
[ Context 'a' created by 'pbx_config' ]
  '1' (CID match '42') =>  1. Hangup()                                   [pbx_config]
  '1' =>            hint: SIP/1                                   [pbx_config]
                    1. NoOp(a)                                    [pbx_config]
     [go]           2. Busy()                                     [pbx_config]
[ Included context 'b' created by 'pbx_config' ]
  '_X' =>           1. NoOp(b)                                    [pbx_config]

  Alt. Switch =>    'Realtime/x@y'                                [pbx_config]

-= 3 extensions (5 priorities) in 2 contexts. =-
";
        assert_eq!(shown(RICH, "1@a"), (true, expected.into()));
        let (found, text) = shown(RICH, "91@a");
        assert!(!found, "{text}");
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        for (wanted, expected) in [
            ("z", "There is no existence of 'z' context\n"),
            ("1@z", "There is no existence of 'z' context\n"),
            ("777@a", "There is no existence of 777@a extension\n"),
            (
                "777@",
                "There is no existence of '777' extension in all contexts\n",
            ),
        ] {
            assert_eq!(shown(RICH, wanted), (false, expected.into()));
        }
    }
}
