//! What each application and function of the dialplan is for, in a line, and
//! what it takes. What they do is told by their own files.

use pinion_sip::dialplan::needs_media;

/// Name, arguments, meaning.
type Row = (&'static str, &'static str, &'static str);

/// What an application takes, and what it is for.
pub(super) fn application(name: &str) -> (&'static str, &'static str) {
    let known = row(APPLICATIONS, name);
    known.unwrap_or(match needs_media(name) {
        true => (
            "...",
            "Needs media; media_apps of extensions.conf says what becomes of the call",
        ),
        false => ("...", ""),
    })
}

/// What a function takes, and what it is for.
pub(super) fn function(name: &str) -> (&'static str, &'static str) {
    row(FUNCTIONS, name).unwrap_or(("...", ""))
}

fn row(rows: &[Row], name: &str) -> Option<(&'static str, &'static str)> {
    let row = rows
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name));
    row.map(|&(_, arguments, meaning)| (arguments, meaning))
}

const APPLICATIONS: &[Row] = &[
    (
        "Answer",
        "[delay]",
        "Answer the call; takes media, which this engine has none of",
    ),
    (
        "Busy",
        "[timeout]",
        "Tell the caller that the other side is busy",
    ),
    (
        "CELGenUserEvent",
        "name[,text]",
        "Log an event of the plan's own",
    ),
    (
        "ChanIsAvail",
        "TECH/resource[&...][,options]",
        "Find out which of some devices could be called",
    ),
    (
        "ChannelRedirect",
        "channel,[[context,]exten,]priority",
        "Send another channel elsewhere in the plan",
    ),
    ("ClearHash", "name", "Forget the keys of a hash"),
    (
        "Congestion",
        "[timeout]",
        "Tell the caller that there is no way through",
    ),
    ("ContinueWhile", "", "Go back to the While of this loop"),
    ("DBdel", "family/key", "Remove a value of the AstDB"),
    (
        "DBdeltree",
        "family[/keytree]",
        "Remove a family of the AstDB, or what is below a key",
    ),
    (
        "Dial",
        "TECH/resource[&...][,timeout[,options[,url]]]",
        "Ring others, and join the caller to the first who answers",
    ),
    ("DumpChan", "[level]", "Log what is known of the channel"),
    ("EndWhile", "", "End of a While loop"),
    (
        "Exec",
        "app(arguments)",
        "Run an application that a variable names",
    ),
    (
        "ExecIf",
        "expression?app(arguments)[:app(arguments)]",
        "Run an application if an expression holds",
    ),
    (
        "ExecIfTime",
        "times,weekdays,mdays,months?app(arguments)",
        "Run an application if it is that time",
    ),
    ("ExitWhile", "", "Leave a While loop"),
    ("ForkCDR", "[options]", "Begin a further call record"),
    (
        "Gosub",
        "[[context,]exten,]priority[(arguments)]",
        "Go to a subroutine, which returns",
    ),
    (
        "GosubIf",
        "expression?[target][:target]",
        "Go to one of two subroutines",
    ),
    (
        "Goto",
        "[[context,]exten,]priority",
        "Go elsewhere in the plan",
    ),
    (
        "GotoIf",
        "expression?[target][:target]",
        "Go to one of two places",
    ),
    (
        "GotoIfTime",
        "times,weekdays,mdays,months?[target][:target]",
        "Go to one of two places by the time",
    ),
    ("Hangup", "[cause]", "End the call"),
    (
        "HangupCauseClear",
        "",
        "Forget what dialled channels responded",
    ),
    (
        "ImportVar",
        "name=channel,variable",
        "Take a variable from another channel",
    ),
    (
        "Incomplete",
        "[n]",
        "Tell the caller that digits are missing",
    ),
    ("Log", "level,text", "Write into the log"),
    ("MSet", "name=value[,...]", "Set several variables"),
    ("Macro", "name[,arguments]", "Run a macro, and return"),
    (
        "MacroExclusive",
        "name[,arguments]",
        "Run a macro that one call at a time runs",
    ),
    ("MacroExit", "", "Return from a macro"),
    (
        "MacroIf",
        "expression?name[,arguments][:name[,arguments]]",
        "Run one of two macros",
    ),
    (
        "MessageSend",
        "to[,from]",
        "Send a text message to a device",
    ),
    ("NoCDR", "", "Write no record of this call"),
    (
        "NoOp",
        "[text]",
        "Do nothing; what it is given may be seen in the log",
    ),
    (
        "Originate",
        "TECH/resource,type,arg1[,arg2[,arg3[,timeout]]]",
        "Ring a telephone that goes its own way then",
    ),
    (
        "Pickup",
        "[exten[@context][&...]]",
        "Answer a call that rings elsewhere",
    ),
    (
        "PickupChan",
        "channel[&...][,p]",
        "Answer a call that rings at a channel",
    ),
    (
        "Proceeding",
        "",
        "Tell the caller that the call is on its way",
    ),
    ("Progress", "", "Tell the caller that early media may come"),
    ("RaiseException", "reason", "Go to the extension e"),
    ("ResetCDR", "[options]", "Begin the call record anew"),
    (
        "RetryDial",
        "announce,sleep,retries,dialargs",
        "Dial again until somebody answers",
    ),
    ("Return", "[value]", "Return from a subroutine"),
    ("Ringing", "", "Tell the caller that it rings"),
    (
        "SIPAddHeader",
        "Header: value",
        "Add a header to the INVITEs of the next Dial",
    ),
    ("SIPDtmfMode", "mode", "Say how digits are to be sent"),
    (
        "SIPRemoveHeader",
        "[Header]",
        "Take back headers that were added",
    ),
    (
        "Set",
        "name=value",
        "Set a variable, or what a function names",
    ),
    ("SoftHangup", "channel[,options]", "Hang up another channel"),
    ("StackPop", "", "Forget where a subroutine returns to"),
    (
        "System",
        "command",
        "Run a command of the host, where that is allowed",
    ),
    (
        "Transfer",
        "[TECH/]destination",
        "Send the caller elsewhere",
    ),
    (
        "TryExec",
        "app(arguments)",
        "Run an application, and tell whether that went well",
    ),
    (
        "TrySystem",
        "command",
        "Run a command of the host; the plan goes on whatever comes of it",
    ),
    ("UserEvent", "name[,body]", "Log an event of the plan's own"),
    (
        "Verbose",
        "[level,]text",
        "Write into the log, for whoever watches",
    ),
    ("Wait", "seconds", "Wait"),
    ("WaitExten", "[seconds]", "Wait for digits"),
    ("While", "expression", "Begin of a loop"),
];

const FUNCTIONS: &[Row] = &[
    (
        "ARRAY",
        "var1[,var2...]",
        "Set several variables to the parts of a list",
    ),
    ("BASE64_DECODE", "text", "What was encoded in base64"),
    ("BASE64_ENCODE", "text", "A text in base64"),
    (
        "BLACKLIST",
        "",
        "Whether the caller's number is in the family blacklist of the AstDB",
    ),
    ("CALLERID", "type[,CID]", "The caller's name and number"),
    ("CALLERPRES", "", "Who may see the caller's number"),
    ("CDR", "name[,options]", "A field of the call record"),
    ("CDR_PROP", "name", "How the call record is kept"),
    ("CHANNEL", "item", "What is known of the channel"),
    ("CHECKSIPDOMAIN", "domain", "Whether a domain is ours"),
    (
        "CONNECTEDLINE",
        "type[,i]",
        "The name and number of the other side",
    ),
    (
        "CSV_QUOTE",
        "text",
        "A text quoted for a file of comma separated values",
    ),
    ("CURL", "url[,post-data]", "A document of the web"),
    ("CURLOPT", "option", "How documents are fetched"),
    ("CUT", "variable,delimiter,fields", "Fields of a variable"),
    ("DB", "family/key", "A value of the AstDB"),
    (
        "DB_DELETE",
        "family/key",
        "A value of the AstDB, which is removed",
    ),
    ("DB_EXISTS", "family/key", "Whether the AstDB has a value"),
    ("DB_KEYS", "[prefix]", "The keys of the AstDB below another"),
    (
        "DEC",
        "variable",
        "One less than a variable, which is set to that",
    ),
    ("DEVICE_STATE", "device", "Whether a device is in use"),
    (
        "DIALGROUP",
        "group[,op]",
        "A group of devices, as Dial takes it",
    ),
    (
        "DIALPLAN_EXISTS",
        "context[,extension[,priority]]",
        "Whether the plan has such a place",
    ),
    (
        "ENUMLOOKUP",
        "number[,method[,options[,record[,zone]]]]",
        "What ENUM knows of a number",
    ),
    (
        "ENUMQUERY",
        "number[,method[,zone]]",
        "Ask ENUM for a number",
    ),
    ("ENUMRESULT", "id,record", "What ENUMQUERY has found"),
    (
        "ENV",
        "name",
        "A variable of the environment, where that is allowed",
    ),
    ("EVAL", "variable", "A text evaluated once more"),
    ("EXCEPTION", "field", "Why the extension e was reached"),
    ("EXISTS", "text", "Whether a text is not empty"),
    (
        "EXTENSION_STATE",
        "extension[@context]",
        "The state of what the hint of an extension names",
    ),
    (
        "FIELDNUM",
        "variable,delimiter,value",
        "Which field of a variable has a value",
    ),
    (
        "FIELDQTY",
        "variable,delimiter",
        "How many fields a variable has",
    ),
    (
        "FILTER",
        "characters,text",
        "A text without all other characters",
    ),
    ("GLOBAL", "name", "A global variable"),
    ("GROUP", "[category]", "The group the channel is in"),
    (
        "GROUP_COUNT",
        "group[@category]",
        "How many channels are in a group",
    ),
    ("GROUP_LIST", "", "All groups the channel is in"),
    (
        "GROUP_MATCH_COUNT",
        "pattern[@category]",
        "How many channels are in groups of such names",
    ),
    ("HANGUPCAUSE", "channel,type", "Why a dialled channel ended"),
    ("HANGUPCAUSE_KEYS", "", "The channels HANGUPCAUSE knows of"),
    ("HASH", "name[,key]", "A value of a hash"),
    ("HASHKEYS", "name", "The keys of a hash"),
    (
        "HINT",
        "extension[@context][,options]",
        "The devices, or the name, of a hint",
    ),
    ("IF", "expression?[true][:false]", "One of two texts"),
    (
        "IFTIME",
        "times,weekdays,mdays,months?[true][:false]",
        "One of two texts by the time",
    ),
    (
        "IMPORT",
        "channel,variable",
        "A variable of another channel",
    ),
    (
        "INC",
        "variable",
        "One more than a variable, which is set to that",
    ),
    ("ISNULL", "text", "Whether a text is empty"),
    (
        "KEYPADHASH",
        "text",
        "The keys of a telephone that stand for letters",
    ),
    ("LEN", "text", "The length of a text"),
    (
        "LISTFILTER",
        "variable,delimiter,value",
        "A list without a value",
    ),
    ("LOCAL", "name", "A variable of this subroutine"),
    (
        "LOCAL_PEEK",
        "n,name",
        "A variable of a subroutine further out",
    ),
    ("LOCK", "name", "Take a lock, and wait for it"),
    (
        "MASTER_CHANNEL",
        "name",
        "A variable of the channel that began the call",
    ),
    ("MATH", "expression[,type]", "Arithmetic"),
    ("MD5", "text", "The MD5 digest of a text"),
    ("MESSAGE", "field", "A field of the text message at hand"),
    (
        "MESSAGE_DATA",
        "header",
        "A header of the text message at hand",
    ),
    (
        "PASSTHRU",
        "[text]",
        "A text as it is, where a variable is wanted",
    ),
    (
        "POP",
        "list[,delimiter]",
        "The last part of a list, which it loses",
    ),
    ("PUSH", "list[,delimiter]", "Append to a list"),
    ("QUOTE", "text", "A text in quotes"),
    ("RAND", "[min][,max]", "A random number"),
    (
        "REALTIME",
        "family,column[,value[,delim1|column[,delim2]]]",
        "A row of a realtime family",
    ),
    (
        "REALTIME_DESTROY",
        "family,column[,value[,delim1[,delim2]]]",
        "A row of a realtime family, which is removed",
    ),
    (
        "REALTIME_FIELD",
        "family,column,value,field",
        "One column of a row",
    ),
    ("REALTIME_HASH", "family,column,value", "A row as a hash"),
    (
        "REALTIME_STORE",
        "family,columns...",
        "Add a row to a realtime family",
    ),
    ("REDIRECTING", "item[,i]", "Who has redirected the call"),
    (
        "REGEX",
        "\"pattern\" text",
        "Whether a text matches a regular expression",
    ),
    (
        "REPLACE",
        "variable,characters[,by]",
        "A text with characters replaced",
    ),
    ("SET", "name[=value]", "Set a variable, and yield its value"),
    ("SHA1", "text", "The SHA-1 digest of a text"),
    ("SHARED", "name[,channel]", "A variable that channels share"),
    (
        "SHELL",
        "command",
        "What a command of the host prints, where that is allowed",
    ),
    (
        "SHIFT",
        "list[,delimiter]",
        "The first part of a list, which it loses",
    ),
    ("SIPPEER", "name[,item]", "What is known of a device"),
    (
        "SIP_HEADER",
        "name[,number]",
        "A header of the caller's INVITE",
    ),
    (
        "SORT",
        "key:value[,...]",
        "Keys in the order of their values",
    ),
    ("SPRINTF", "format,arguments...", "A text by a format"),
    ("SQL_ESC", "text", "A text quoted for SQL"),
    ("SRVQUERY", "service", "Ask the DNS for a service"),
    ("SRVRESULT", "id,number", "What SRVQUERY has found"),
    (
        "STRFTIME",
        "[epoch][,[timezone][,format]]",
        "A time by a format",
    ),
    (
        "STRPTIME",
        "time,timezone,format",
        "The time that a text tells",
    ),
    (
        "STRREPLACE",
        "variable,find[,by[,most]]",
        "A text with words replaced",
    ),
    ("TIMEOUT", "type", "How long the call, or digits, may take"),
    ("TOLOWER", "text", "A text in small letters"),
    ("TOUPPER", "text", "A text in capitals"),
    ("TRYLOCK", "name", "Take a lock if it is free"),
    ("UNLOCK", "name", "Give a lock back"),
    ("UNSHIFT", "list[,delimiter]", "Put before a list"),
    ("URIDECODE", "text", "What was encoded for a URI"),
    ("URIENCODE", "text", "A text encoded for a URI"),
    (
        "VALID_EXTEN",
        "[context],extension[,priority]",
        "Whether the plan has such an extension",
    ),
    ("VERSION", "[item]", "Which version this is"),
];

#[cfg(test)]
mod tests {
    use pinion_sip::dialplan::{applications, functions};

    use super::*;

    #[test]
    fn all_there_is_has_a_meaning_and_nothing_else_has() {
        for name in applications() {
            assert!(!application(name).1.is_empty(), "{name}");
        }
        for name in functions() {
            assert!(!function(name).1.is_empty(), "{name}");
        }
        for (name, ..) in APPLICATIONS {
            assert!(applications().any(|known| known == *name), "{name}");
        }
        for (name, ..) in FUNCTIONS {
            assert!(functions().any(|known| known == *name), "{name}");
        }
    }
}
