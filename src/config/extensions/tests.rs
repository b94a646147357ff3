use super::*;
use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{General, Match, Place, Seek, split_hint};

fn read(text: &str) -> (Plan, Vec<String>) {
    let (plan, warnings) = parse_extensions(text, "x").unwrap();
    (plan, warnings.iter().map(Warning::to_string).collect())
}

/// A plan without warnings.
fn clean(text: &str) -> Plan {
    let (plan, warnings) = read(text);
    assert_eq!(warnings, [""; 0]);
    plan
}

fn place<'a>(context: &'a str, exten: &'a str) -> Place<'a> {
    Place {
        context,
        exten,
        caller: "",
        time: UnixTime(0),
    }
}

/// `priority application(arguments) at` of each instruction of an extension.
fn listing(plan: &Plan, context: &str, exten: &str) -> Vec<String> {
    let extensions = plan.context(context).unwrap().extensions().iter();
    let extension = extensions.filter(|extension| extension.pattern().as_str() == exten);
    let instructions = extension.flat_map(|extension| extension.instructions());
    let line = |i: &pinion_sip::dialplan::Instruction| {
        let label = i
            .label
            .as_ref()
            .map_or(String::new(), |label| format!("({label})"));
        format!(
            "{}{label} {}({}) {}",
            i.priority, i.application, i.arguments, i.at
        )
    };
    instructions.map(line).collect()
}

#[test]
fn lines_become_instructions() {
    let plan = clean(
        "[general]\nstatic=yes\n[c]\nexten => 100,1,NoOp\nexten => 100,n(go),Dial(SIP/100,20,gr)\n\
         same => n,Set(a=b,c)\nsame=>n+2,Hangup()\nsame => go+10,NoOp(x)\nexten => _2[0,1]X,s,NoOp(y)\n",
    );
    assert_eq!(
        listing(&plan, "c", "100"),
        [
            "1 NoOp() x:4",
            "2(go) Dial(SIP/100,20,gr) x:5",
            "3 Set(a=b,c) x:6",
            "6 Hangup() x:7",
            "12 NoOp(x) x:8"
        ]
    );
    assert_eq!(listing(&plan, "c", "_2[0,1]X"), ["12 NoOp(y) x:9"]);
}

#[test]
fn next_follows_the_line_above_even_of_another_extension() {
    let plan = clean("[c]\nexten => 1,1,NoOp\nexten => 2,n,NoOp\n");
    assert_eq!(listing(&plan, "c", "2"), ["2 NoOp() x:3"]);
}

#[test]
fn globals_are_substituted_at_load_in_names_but_not_in_arguments() {
    let plan = clean(
        "[globals]\nPREFIX=55\nBOTH=${PREFIX}${GLOBAL(PREFIX)}\n[c]\nexten => _${PREFIX}X,1,NoOp(${BOTH})\n\
         include => ${PREFIX}\n[55]\n",
    );
    assert_eq!(plan.global("BOTH"), Some("5555"));
    assert_eq!(listing(&plan, "c", "_55X"), ["1 NoOp(${BOTH}) x:5"]);
    assert_eq!(&*plan.context("c").unwrap().includes()[0].name, "55");
}

#[test]
fn callers_includes_hints_and_ignorepats_are_kept() {
    let plan = clean(
        "[c]\nexten => 1/42,1,NoOp\nexten => 1/,1,Busy\nexten => 1,hint,SIP/1&SIP/2\nignorepat => 9\n\
         include => d\n[d]\nexten => 2,1,NoOp\n",
    );
    let application = |caller| {
        let place = Place {
            caller,
            ..place("c", "1")
        };
        plan.find(place, Seek::Priority(1))
            .map(|instruction| instruction.application.to_string())
    };
    assert_eq!(application("42").as_deref(), Some("NoOp"));
    assert_eq!(application("").as_deref(), Some("Busy"));
    assert_eq!(application("43"), None);
    assert_eq!(plan.hint(place("c", "1")), Some("SIP/1&SIP/2"));
    assert_eq!(plan.exists(place("c", "2")), Match::Yes);
    assert_eq!(
        plan.context("c").unwrap().ignorepats().collect::<Vec<_>>(),
        ["9"]
    );
}

#[test]
fn templates_and_repeated_contexts_come_together() {
    let plan = clean(
        "[base](!)\nexten => 1,1,NoOp(t)\n[c](base)\nexten => 2,1,NoOp\n[d]\n[c]\nexten => 3,1,NoOp\n\
         exten => 3,n,NoOp\n",
    );
    assert!(plan.context("base").is_none());
    assert_eq!(listing(&plan, "c", "1"), ["1 NoOp(t) x:2"]);
    assert_eq!(listing(&plan, "c", "3").len(), 2);
}

#[test]
fn general_sets_autofallthrough() {
    assert!(clean("[c]\n").autofallthrough());
    assert!(!clean("[general]\nautofallthrough=no\n").autofallthrough());
}

#[test]
fn media_apps_is_read_and_warned_about_once() {
    let text = "[general]\nmedia_apps=noop\n[c]\nexten => 1,1,Queue(x)\nexten => 1,2,Playback(y)\n";
    let (_, warnings) = parse_extensions(text, "f").unwrap();
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "f:4: Queue, like other applications, needs media, which this engine has not. \
             media_apps in [general] says what they do."
        ]
    );
    let (_, warnings) = parse_extensions("[general]\nmedia_apps=x\n", "f").unwrap();
    let text = "write media_apps=reject, noop or external:sip:host. It is ignored.";
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].text, text);
}

#[test]
fn what_will_surprise_is_warned_about_with_its_line() {
    for (line, warning) in [
        (
            "exten => 1,1,Dail(SIP/1)",
            "there is no application 'Dail'; calls that reach it end. Did you mean 'Dial'?",
        ),
        (
            "exten => 1,1,Nothing(x)",
            "there is no application 'Nothing'; calls that reach it end.",
        ),
        (
            "exten => 1,1",
            "this line has no application. Write exten => name,priority,application.",
        ),
        (
            "exten => 1XX,1,NoOp",
            "'1XX' looks like a pattern. Begin it with '_', or nobody can dial it.",
        ),
        (
            "exten => _next.,1,NoOp",
            "the 'n' of '_next.' stands for a digit. Write [n] for the letter.",
        ),
        (
            "exten => 1,1,Dial(SIP/${EXTEN},$[ * 2])",
            "an operand or operator is missing in $[ * 2].",
        ),
        (
            "exten => 1,1,Dial(SIP/${EXTEN)",
            "a '}' is missing in 'SIP/${EXTEN'.",
        ),
        (
            "exten => ,1,NoOp",
            "this line has no extension. Write exten => name,priority,application.",
        ),
        (
            "exten => 1,1,NoOp(x",
            "these arguments are not closed. Add a ')'.",
        ),
        (
            "exten => 1,1(x,NoOp",
            "this label is not closed. Write priority(label).",
        ),
        (
            "exten => 1,n,NoOp",
            "'n' needs a line above in its context. Begin with priority 1.",
        ),
        (
            "same => 1,NoOp",
            "there is no extension above for 'same'. Begin with exten =>.",
        ),
        (
            "exten => 1,0,NoOp",
            "'0' is neither a priority above 0 nor a label above. The line is dropped.",
        ),
        (
            "exten => 1,x,NoOp",
            "'x' is neither a priority above 0 nor a label above. The line is dropped.",
        ),
        ("exten => 1,1+x,NoOp", "'+x' is not a number. Write n+1."),
        (
            "exten => _[1,1,NoOp",
            "the pattern '_[1,1,NoOp' has a '[' without ']' and never matches. Check it.",
        ),
        (
            "exten => _1.2,1,NoOp",
            "the pattern '_1.2' goes on after '.' or '!', which matches the rest. Check it.",
        ),
        (
            "exten => _.,1,NoOp",
            "'_.' matches even special extensions such as h. Use '_X.' instead.",
        ),
        (
            "exten => 1,1,Dial(SIP/${EXTEN},20,t)",
            "Dial's option 't' does nothing here.",
        ),
        (
            "exten => 1,1,NoOp($[1 +])",
            "an operand or operator is missing in $[1 +].",
        ),
        (
            "exten => ${X(1)}2,1,NoOp",
            "there is no function X. Only globals can be used here.",
        ),
        (
            "include => cc",
            "there is no context 'cc' to include. Did you mean 'c'?",
        ),
        (
            "include => c,*,*,*,*,Europe/Berln",
            "there is no time zone 'Europe/Berln'; UTC is taken.",
        ),
        (
            "include => c,25:00",
            "'25:00' is not a time of day (HH:MM-HH:MM) and is skipped; nothing is left, so that it never applies.",
        ),
        (
            "switch => DUNDi/x",
            "there is no switch 'DUNDi'; it finds nothing. Realtime is one.",
        ),
        (
            "extne => 1,1,NoOp",
            "'extne' is not a line of a context. Did you mean 'exten'?",
        ),
    ] {
        let (_, warnings) = read(&format!("[c]\n{line}\n"));
        let expected = format!("x:2: {warning}");
        assert!(
            warnings
                .iter()
                .any(|warning| warning.starts_with(&expected)),
            "{line}: {warnings:?}"
        );
    }
}

#[test]
fn next_after_a_hint_is_dropped_and_warned_about() {
    let (plan, warnings) = read("[c]\nexten => 1,hint,SIP/1\nsame => n,NoOp\n");
    assert!(listing(&plan, "c", "1").is_empty());
    assert!(
        warnings[0].starts_with("x:3: 'n' after a hint"),
        "{warnings:?}"
    );
}

#[test]
fn of_two_lines_with_one_priority_the_first_stays() {
    let (plan, warnings) = read("[c]\nexten => _X.,1,NoOp(a)\nexten => _x.,1,NoOp(b)\n");
    assert_eq!(listing(&plan, "c", "_X."), ["1 NoOp(a) x:2"]);
    assert_eq!(
        warnings,
        ["x:3: extension '_x.' already has this priority. The first line stays."]
    );
}

#[test]
fn options_of_general_reach_the_plan() {
    let (plan, warnings) =
        read("[general]\nextenpatternmatchnew=yes\noverrideswitch=Realtime/@x\nwriteprotect=no\n");
    assert_eq!(warnings, [""; 0]);
    assert!(plan.is_trie());
    assert_eq!(plan.override_switch().unwrap().to_string(), "Realtime/@x");
}

#[test]
fn options_of_general_without_effect_are_warned_about() {
    let (_, warnings) = read("[general]\noverrideswitch=X\ncolour=red\n");
    assert_eq!(
        warnings,
        [
            "x:2: there is no switch 'X'; it finds nothing. Realtime is one.",
            "x:3: 'colour' is not an option of [general]. It is ignored."
        ]
    );
}

#[test]
fn switches_are_expanded_at_load_or_never_or_during_the_call() {
    let (plan, warnings) = read(
        "[globals]\nF=fam\n[c]\nswitch => Realtime/@${F}/p\nlswitch => Realtime/@${F}\neswitch => realtime/${F}\n",
    );
    assert_eq!(warnings, [""; 0]);
    let switches = plan.context("c").unwrap().switches();
    let written: Vec<String> = switches.iter().map(ToString::to_string).collect();
    assert_eq!(
        written,
        ["Realtime/@fam/p", "Realtime/@${F}", "realtime/${F}"]
    );
}

#[test]
fn general_is_carried_into_the_plan() {
    let plan = clean(
        "[general]\nstatic=yes\nwriteprotect=on\nclearglobalvars=1\nuserscontext=users\nenvironment= A,B\n[c]\n",
    );
    let expected = General {
        is_static: true,
        writeprotect: true,
        clearglobalvars: true,
        userscontext: "users".into(),
        environment: vec!["A".into(), "B".into()],
    };
    assert_eq!(*plan.general(), expected);
    assert_eq!(*clean("[c]\n").general(), General::default());
}

#[test]
fn of_a_key_of_general_the_first_line_counts() {
    let (plan, warnings) =
        read("[general]\nautofallthrough=no\nAutoFallThrough=yes\nstatic=maybe\n");
    assert!(!plan.autofallthrough());
    assert_eq!(
        warnings,
        [
            "x:3: autofallthrough stands at x:2, too. That line counts.",
            "x:4: the value 'maybe' of static is taken as no. Write yes or no.",
        ]
    );
}

#[test]
fn a_key_that_begins_with_same_is_same() {
    let plan = clean(
        "[c]\nexten => 1/42,1,NoOp\nsame => n,NoOp(b)\nsameagain => n,NoOp(c)\nSAME=n,NoOp(d)\n",
    );
    assert_eq!(listing(&plan, "c", "1").len(), 4);
}

#[test]
fn a_label_above_is_a_priority_and_may_be_added_to() {
    let plan = clean(
        "[c]\nexten => 1,1(go),NoOp(a)\nexten => 1,go+4,NoOp(b)\nexten => 1,s+2(on),NoOp(c)\nexten => 1,next,NoOp(d)\n\
         exten => 1,on+8,NoOp(e)\n",
    );
    let lines = listing(&plan, "c", "1");
    let priorities: Vec<&str> = lines
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(priorities, ["1(go)", "5", "7(on)", "8", "15"]);
}

#[test]
fn a_priority_is_the_number_it_begins_with() {
    assert_eq!(
        listing(&clean("[c]\nexten => 1,1st,NoOp\n"), "c", "1"),
        ["1 NoOp() x:2"]
    );
}

#[test]
fn arguments_end_at_the_last_parenthesis() {
    let plan = clean("[c]\nexten => 1,1,NoOp(a(b)c)d) e\nexten => 1,n,NoOp (\"x,(y\")\n");
    assert_eq!(
        listing(&plan, "c", "1"),
        ["1 NoOp(a(b)c)d) x:2", "2 NoOp(\"x,(y\") x:3"]
    );
}

#[test]
fn a_name_of_variables_takes_all_of_the_text() {
    let (plan, warnings) =
        read("[c]\nexten => 1,1,${APP}(x)\nexten => 1,hint,SIP/${CONTEXT}-${EXTEN}(x)\n");
    let extension = &plan.context("c").unwrap().extensions()[0];
    assert_eq!(&*extension.instructions()[0].application, "${APP}(x)");
    assert!(warnings[0].starts_with("x:2: there is no application '${APP}(x)'"));
    assert_eq!(extension.hint(), Some("SIP/c-1(x)"));
}

#[test]
fn hints_have_devices_and_a_name_and_patterns_keep_their_variables() {
    let plan = clean(
        "[globals]\nTECH=SIP\n[c]\nexten => 1,hint,${TECH}/a&SIP/b(Alice (desk))\nexten => _2X,hint,SIP/${EXTEN}\n\
         exten => 3,hint,SIP/c,sip:presence\n",
    );
    let hint = plan.hint(place("c", "1")).unwrap();
    assert_eq!(split_hint(hint), ("SIP/a&SIP/b", "Alice (desk)"));
    assert_eq!(plan.hint(place("c", "21")), Some("SIP/${EXTEN}"));
    assert_eq!(plan.hint(place("c", "3")), Some("SIP/c,sip:presence"));
}

#[test]
fn ignorepats_are_substituted() {
    let plan = clean("[globals]\nOUT=9\n[c]\nignorepat => ${OUT}\n");
    let context = plan.context("c").unwrap();
    assert_eq!(context.ignorepats().collect::<Vec<_>>(), ["9"]);
}

#[test]
fn an_include_keeps_its_times_and_counts_once() {
    let (plan, warnings) =
        read("[c]\ninclude => d,9:00-17:00,mon-fri,*,*\ninclude => d\ninclude => d\n[d]\n");
    let includes = plan.context("c").unwrap().includes();
    let times = includes[0]
        .schedule
        .as_ref()
        .map(|schedule| schedule.as_str());
    assert_eq!((includes.len(), times), (2, Some("9:00-17:00,mon-fri,*,*")));
    assert_eq!(
        warnings,
        ["x:4: 'd' is included already. This line does nothing."]
    );
}

#[test]
fn what_is_longer_than_asterisk_has_room_for_is_refused() {
    let of = |bytes: usize| "1".repeat(bytes);
    let exten = |name: &str| read(&format!("[c]\nexten => {name},1,NoOp\nsame => n,NoOp\n"));
    assert_eq!(exten(&of(79)).1, [""; 0]);
    let (plan, warnings) = exten(&of(80));
    assert!(plan.context("c").unwrap().extensions().is_empty());
    assert_eq!(
        warnings,
        [
            "x:2: the name of an extension has at most 79 bytes. Shorten it; the line is dropped.",
            "x:3: there is no extension above for 'same'. Begin with exten =>."
        ]
    );
    assert_eq!(exten(&format!("_{}", of(254))).1, [""; 0]);
    let (_, warnings) = exten(&format!("_{}/{}", of(100), of(154)));
    assert!(warnings[0].starts_with("x:2: an extension has at most 255 bytes."));

    let data = |bytes| read(&format!("[c]\nexten => 1,1,NoOp({})\n", of(bytes)));
    assert_eq!(data(8191).1, [""; 0]);
    let (plan, warnings) = data(8192);
    assert!(listing(&plan, "c", "1").is_empty());
    assert!(warnings[0].starts_with("x:2: arguments have at most 8191 bytes."));

    assert_eq!(read(&format!("[{}]\n", of(79))).1, [""; 0]);
    let (plan, warnings) = read(&format!("[{}]\nexten => 1,1,NoOp\n", of(80)));
    assert!(plan.contexts().is_empty());
    assert!(warnings[0].starts_with("x:1: the name of a context has at most 79 bytes."));
}

#[test]
fn a_variable_in_the_name_may_bring_the_caller() {
    let plan = clean("[globals]\nWHO=1/42\n[c]\nexten => ${WHO},1,NoOp\n");
    let extension = &plan.context("c").unwrap().extensions()[0];
    assert_eq!(extension.caller().map(|caller| caller.as_str()), Some("42"));
}

#[test]
fn grave_is_what_does_not_work() {
    let grave = |line: &str| {
        let (_, warnings) = parse_extensions(&format!("[c]\n{line}\n"), "x").unwrap();
        warnings
            .iter()
            .map(|warning| warning.grave)
            .collect::<Vec<_>>()
    };
    for line in [
        "exten => 1,1,Dail(x)",
        "exten => 1,n,NoOp",
        "exten => 1,1,NoOp(${X}$[1 +])",
        "include => z",
        "switch => X",
    ] {
        assert_eq!(grave(line), [true], "{line}");
    }
    for line in [
        "exten => 1XX,1,NoOp",
        "exten => _next,1,NoOp",
        "exten => 1,1,Dial(SIP/1,,q)",
    ] {
        assert_eq!(grave(line), [false], "{line}");
    }
}

#[test]
fn a_file_that_cannot_be_loaded_says_where() {
    let error = parse_extensions("exten => 1,1,NoOp\n", "x").unwrap_err();
    assert!(error.to_string().starts_with("x:1: "));
}

proptest::proptest! {
    /// Whatever stands in a dialplan, it becomes a plan, a warning or both.
    #[test]
    fn any_line_becomes_an_instruction_or_a_warning(
        fields in proptest::collection::vec("[_XNZ1-3.!/(){}$+\\[\\]a-d-]{0,6}|n|hint|s|same|NoOp|1", 0..5),
        key in "exten|same|include|switch|ignorepat|sames|extne",
    ) {
        let line = fields.join(",");
        let text = format!("[c]\nexten => 1,1,NoOp\n{key} => {line}\nsame => n,NoOp\n");
        let (plan, warnings) = read(&text);
        let context = plan.context("c").unwrap();
        let instructions = context.extensions().iter().flat_map(|extension| extension.instructions());
        let kept = instructions.filter(|instruction| &*instruction.at == "x:3").count()
            + context.includes().len()
            + context.switches().len()
            + context.ignorepats().count()
            + context.extensions().iter().filter(|extension| extension.hint().is_some()).count();
        let told = warnings.iter().any(|warning| warning.starts_with("x:3: "));
        proptest::prop_assert!(kept == 1 || told, "{} {:?}", text, warnings);
    }
}
