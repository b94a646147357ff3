//! Which lines of a plan name what a missing module would give.

use pinion_sip::dialplan::{Instruction, Plan};
use pinion_sip::modules::{Module, Modules};

/// A sentence for each of the modules that some line needs, with the first of
/// these lines.
pub fn missed(plan: &Plan, absent: Modules) -> Vec<String> {
    let sentence = |module: Module| {
        let mut lines = lines(plan).filter(|line| names(line, module));
        let first = lines.next()?;
        let more = match lines.count() {
            0 => String::new(),
            more => format!(" (and {more} lines more)"),
        };
        Some(format!(
            "{}: {}({}) needs {}.so, which is not loaded{more}",
            first.at,
            first.application,
            first.arguments,
            module.name()
        ))
    };
    absent.iter().filter_map(sentence).collect()
}

fn lines(plan: &Plan) -> impl Iterator<Item = &Instruction> {
    let extensions = plan
        .contexts()
        .iter()
        .flat_map(|context| context.extensions());
    extensions.flat_map(|extension| extension.instructions())
}

/// Whether a line calls an application or a function of a module.
fn names(line: &Instruction, module: Module) -> bool {
    let mut applications = module.applications().iter();
    let mut functions = module.functions().iter();
    applications.any(|name| name.eq_ignore_ascii_case(&line.application))
        || functions.any(|name| calls(&line.arguments, name))
}

/// Whether `NAME(` stands in a text, and is not the end of a longer name.
fn calls(text: &str, name: &str) -> bool {
    let mut found = text.match_indices(name);
    found.any(|(at, _)| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let before = text[..at].bytes().next_back();
        text[at + name.len()..].starts_with('(') && !before.is_some_and(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::extensions::parse_extensions;

    #[test]
    fn the_first_line_that_needs_a_module_is_named() {
        let text = "[a]\nexten => 1,1,Set(X=${LEN(a)})\nexten => 1,2,Dial(SIP/1)\n\
                    exten => 1,3,RetryDial(x,1,1,SIP/1)\nexten => 1,4,Set(MYMD5(x)=1)\n";
        let plan = parse_extensions(text, "e.conf").unwrap().0;
        let of = |modules: &[Module]| missed(&plan, modules.iter().copied().collect());
        assert_eq!(
            of(&[
                Module::AppDial,
                Module::FuncStrings,
                Module::FuncMd5,
                Module::FuncUri
            ]),
            [
                "e.conf:3: Dial(SIP/1) needs app_dial.so, which is not loaded (and 1 lines more)",
                "e.conf:2: Set(X=${LEN(a)}) needs func_strings.so, which is not loaded",
            ]
        );
    }
}
