//! Where instructions may lead: the jumps, subroutines and Local channels that
//! stand literally in their arguments. It knows which argument of which
//! application is a place, and no plan.

use pinion_sip::dialplan::split_call;

use super::text::{branches, is_literal, mask, options, split};

/// A part of a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// That of the line itself.
    Here,
    /// Only a call knows.
    Unknown,
    /// This.
    Is(String),
}

impl Part {
    fn of(text: &str) -> Part {
        match text.trim() {
            "" => Part::Here,
            text if is_literal(text) => Part::Is(text.into()),
            _ => Part::Unknown,
        }
    }

    fn is(text: &str) -> Part {
        Part::Is(text.into())
    }
}

/// A place that an instruction may lead to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) context: Part,
    pub(super) exten: Part,
    pub(super) priority: Part,
}

impl Target {
    /// `[[context,]exten,]priority`, with the separator there is.
    fn of(text: &str, separator: char) -> Option<Target> {
        let mut parts = split(text, separator).into_iter().rev();
        let mut part = || Part::of(parts.next().unwrap_or_default());
        let target = Target {
            priority: part(),
            exten: part(),
            context: part(),
        };
        (target.priority != Part::Here).then_some(target)
    }

    /// Priority 1 of `s` in a context.
    fn subroutine(context: Part) -> Target {
        Target {
            context,
            exten: Part::is("s"),
            priority: Part::is("1"),
        }
    }

    /// A context alone.
    fn context(text: &str) -> Target {
        Target {
            context: Part::of(text),
            exten: Part::Unknown,
            priority: Part::Unknown,
        }
    }
}

/// The places that an application with these arguments may lead to.
pub(super) fn targets(application: &str, arguments: &str) -> Vec<Target> {
    let masked = mask(arguments);
    let mut targets = Vec::new();
    collect(application, &masked, &mut targets);
    targets
}

fn collect(application: &str, arguments: &str, targets: &mut Vec<Target>) {
    let fields = || split(arguments, ',');
    let field = |at: usize| fields().get(at).copied().unwrap_or_default();
    match application.to_ascii_lowercase().as_str() {
        "goto" => targets.extend(Target::of(arguments, ',')),
        "gotoif" | "gotoiftime" => {
            targets.extend(
                branches(arguments)
                    .iter()
                    .filter_map(|to| Target::of(to, ',')),
            );
        }
        "gosub" => targets.extend(routine(arguments, ',')),
        "gosubif" => {
            targets.extend(branches(arguments).iter().filter_map(|to| routine(to, ',')));
        }
        "macro" | "macroexclusive" => targets.extend(called_macro(field(0))),
        "macroif" => {
            let names = branches(arguments).map(|to| split(to, ',')[0]);
            targets.extend(names.into_iter().filter_map(called_macro));
        }
        "execif" => branches(arguments)
            .iter()
            .for_each(|call| nested(call, targets)),
        "exec" | "tryexec" => nested(arguments, targets),
        "dial" => dialled(field(0), field(2), targets),
        "retrydial" => dialled(field(3), field(5), targets),
        "originate" => {
            dialled(field(0), "", targets);
            if field(1).eq_ignore_ascii_case("exten") {
                let priority = Some(field(4)).filter(|text| !text.is_empty());
                targets.push(Target {
                    context: Part::of(field(2)),
                    exten: Part::of(field(3)),
                    priority: Part::of(priority.unwrap_or("1")),
                });
            }
        }
        "channelredirect" => {
            let place = fields().get(1..).map(|place| place.join(","));
            targets.extend(place.and_then(|place| Target::of(&place, ',')));
        }
        "set" | "mset" => targets.extend(fields().into_iter().filter_map(context_variable)),
        _ => {}
    }
}

/// `place(arguments)` of a subroutine.
fn routine(text: &str, separator: char) -> Option<Target> {
    let place = text.split_once('(').map_or(text, |(place, _)| place);
    Target::of(place, separator)
}

fn called_macro(name: &str) -> Option<Target> {
    let name = (!name.is_empty()).then(|| format!("macro-{name}"))?;
    Some(Target::subroutine(Part::of(&name)))
}

/// An application within the arguments of another.
fn nested(call: &str, targets: &mut Vec<Target>) {
    let (application, arguments) = split_call(call);
    collect(application, arguments, targets);
}

/// The Local channels among what is dialled, and the places in the options.
fn dialled(resources: &str, letters: &str, targets: &mut Vec<Target>) {
    for resource in split(resources, '&') {
        let tech = resource.get(..6).unwrap_or_default();
        let place = resource
            .get(6..)
            .filter(|_| tech.eq_ignore_ascii_case("Local/"));
        let place = place.map(|place| place.split('/').next().unwrap_or_default());
        if let Some((exten, context)) = place.and_then(|place| place.rsplit_once('@')) {
            targets.push(Target {
                context: Part::of(context),
                exten: Part::of(exten),
                priority: Part::is("1"),
            });
        }
    }
    for (letter, argument) in options(letters) {
        let first = argument.split('^').next().unwrap_or_default();
        match letter {
            'G' => {
                let target = Target::of(argument, '^');
                targets.extend(target.as_ref().and_then(next));
                targets.extend(target);
            }
            'F' => targets.extend(Target::of(argument, '^')),
            'b' | 'B' => targets.extend(routine(argument, '^')),
            'M' => targets.extend(called_macro(first)),
            'U' if !first.is_empty() => targets.push(Target::subroutine(Part::of(first))),
            _ => {}
        }
    }
}

/// The priority behind a place: where `G` leaves the callee.
fn next(target: &Target) -> Option<Target> {
    let Part::Is(priority) = &target.priority else {
        return None;
    };
    let priority: u32 = priority.parse().ok()?;
    Some(Target {
        priority: Part::Is(priority.saturating_add(1).to_string()),
        ..target.clone()
    })
}

/// The variables that name a context for forwarded or transferred calls.
fn context_variable(assignment: &str) -> Option<Target> {
    let (name, value) = assignment.split_once('=')?;
    let name = name.trim().trim_start_matches('_');
    let names = ["FORWARD_CONTEXT", "TRANSFER_CONTEXT"];
    (names.contains(&name) && !value.trim().is_empty()).then(|| Target::context(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `context,exten,priority` of each; `.` is here, `?` unknown.
    fn found(application: &str, arguments: &str) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Here => ".".into(),
            Part::Unknown => "?".into(),
            Part::Is(text) => text.clone(),
        };
        let text = |target: &Target| {
            let parts = [&target.context, &target.exten, &target.priority];
            parts.map(part).join(",")
        };
        targets(application, arguments).iter().map(text).collect()
    }

    #[test]
    fn every_application_that_leads_somewhere_is_understood() {
        for (application, arguments, expected) in [
            ("Goto", "5", &[".,.,5"][..]),
            ("goto", "100,go", &[".,100,go"]),
            ("Goto", "office,${EXTEN},1", &["office,?,1"]),
            ("Goto", "${X}", &[".,.,?"]),
            ("Goto", "s-${DIALSTATUS},1", &[".,?,1"]),
            ("Goto", "", &[]),
            (
                "GotoIf",
                "$[\"${A}\" = \"x?y:z\"]?yes:office,100,1",
                &[".,.,yes", "office,100,1"],
            ),
            ("GotoIf", "1?:no", &[".,.,no"]),
            (
                "GotoIfTime",
                "09:00-17:00,mon-fri,*,*?day,s,1",
                &["day,s,1"],
            ),
            ("Gosub", "sub,s,1(a,b)", &["sub,s,1"]),
            (
                "GosubIf",
                "${X}?sub,s,1(a:b,c):other(x)",
                &["sub,s,1", ".,.,other"],
            ),
            ("Macro", "dial,SIP/1", &["macro-dial,s,1"]),
            ("MacroIf", "1?a,x:b", &["macro-a,s,1", "macro-b,s,1"]),
            ("ExecIf", "1?Goto(a,1):Macro(m)", &[".,a,1", "macro-m,s,1"]),
            ("TryExec", "Gosub(sub,s,1(x))", &["sub,s,1"]),
            (
                "Dial",
                "Local/100@office/n&SIP/1&Local/${X}@b",
                &["office,100,1", "b,?,1"],
            ),
            (
                "Dial",
                "SIP/1,20,gG(c^e^3)U(sub^a)M(m^x)b(c^e^1(y))F(c^e^2)",
                &["c,e,4", "c,e,3", "sub,s,1", "macro-m,s,1", "c,e,1", "c,e,2"],
            ),
            ("RetryDial", "a,1,2,Local/1@c,20,U(s)", &["c,1,1", "s,s,1"]),
            ("Originate", "Local/1@a,exten,b,2", &["a,1,1", "b,2,1"]),
            ("ChannelRedirect", "SIP/1,c,e,1", &["c,e,1"]),
            ("Set", "__TRANSFER_CONTEXT=x", &["x,?,?"]),
            ("Set", "OTHER=x", &[]),
            ("NoOp", "Goto(x,1)", &[]),
        ] {
            assert_eq!(
                found(application, arguments),
                expected,
                "{application}({arguments})"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_arguments_are_taken(
            application in "Goto|GotoIf|Gosub|ExecIf|Dial|RetryDial|Macro|Originate|Set|ChannelRedirect",
            arguments in "([a-c1é,&@/^?:()=\"${}\\[\\]]|Local/|G\\(|Goto\\(|Set\\()*",
        ) {
            for target in targets(&application, &arguments) {
                let parts = [target.context, target.exten, target.priority];
                let literal = |part: &Part| !matches!(part, Part::Is(text) if !is_literal(text));
                proptest::prop_assert!(parts.iter().all(literal));
            }
        }
    }
}
