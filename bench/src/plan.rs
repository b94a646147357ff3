//! The dialplans calls are run through.

use std::sync::Arc;

use pinion_sip::dialplan::{Line, Plan, PlanBuilder};

/// Context, extension, priority, label, application, arguments.
type Row = (
    &'static str,
    &'static str,
    u32,
    &'static str,
    &'static str,
    &'static str,
);

/// Every extension is Dial to the phone of that number.
pub const DIAL: &[Row] = &[("default", "_X.", 1, "", "Dial", "SIP/${EXTEN},20")];

/// The same at the end of twenty lines of what plans are made of.
pub const TWENTY_LINES: &[Row] = &[
    ("default", "_X.", 1, "", "Set", "number=${EXTEN}"),
    (
        "default",
        "_X.",
        2,
        "",
        "Gosub",
        "sub-class,s,1(${CALLERID(num)},${EXTEN})",
    ),
    (
        "default",
        "_X.",
        3,
        "",
        "GotoIf",
        "$[\"${GOSUB_RETVAL}\" = \"internal\"]?inside",
    ),
    ("default", "_X.", 4, "", "Set", "PREFIX=0"),
    ("default", "_X.", 5, "", "Set", "number=${PREFIX}${number}"),
    ("default", "_X.", 6, "inside", "Set", "i=0"),
    ("default", "_X.", 7, "again", "Set", "i=$[${i} + 1]"),
    ("default", "_X.", 8, "", "GotoIf", "$[${i} < 3]?again"),
    ("default", "_X.", 9, "", "NoOp", "${number} by ${ACCOUNT}"),
    ("default", "_X.", 10, "", "Dial", "SIP/${EXTEN},20"),
    ("sub-class", "s", 1, "", "Set", "LOCAL(from)=${ARG1}"),
    (
        "sub-class",
        "s",
        2,
        "",
        "GotoIf",
        "$[\"${from}\" = \"\"]?unknown",
    ),
    ("sub-class", "s", 3, "", "Set", "ACCOUNT=${from:0:2}"),
    (
        "sub-class",
        "s",
        4,
        "",
        "GotoIf",
        "$[${LEN(${ARG2})} = 4]?short:long",
    ),
    ("sub-class", "s", 5, "unknown", "Set", "ACCOUNT=00"),
    ("sub-class", "s", 6, "", "Return", ""),
    ("sub-class", "s", 7, "short", "Set", "CLASS=internal"),
    ("sub-class", "s", 8, "", "Return", "internal"),
    ("sub-class", "s", 9, "long", "Set", "CLASS=external"),
    ("sub-class", "s", 10, "", "Return", "external"),
];

/// Compiles one.
pub fn compile(rows: &[Row]) -> Arc<Plan> {
    let mut builder = PlanBuilder::new();
    for &(context, exten, priority, label, application, arguments) in rows {
        let context = builder.context(context);
        let line = Line {
            exten,
            caller: None,
            priority,
            label: Some(label).filter(|label| !label.is_empty()),
            application,
            arguments,
            at: "bench:1",
        };
        let added = builder.add(context, line);
        assert!(added.is_ok(), "no line stands twice");
    }
    Arc::new(builder.build())
}
