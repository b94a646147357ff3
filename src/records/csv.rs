//! A record as a line of Asterisk's `Master.csv`: its columns, its quotes.

use pinion_sip::dialplan::Zone;

use super::entry::{Entry, Form, date};

/// cdr.conf `[csv]`. Field names are the options' names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// `usegmtime`: dates are UTC.
    pub usegmtime: bool,
    /// `loguniqueid`: a column more.
    pub loguniqueid: bool,
    /// `loguserfield`: a column more.
    pub loguserfield: bool,
    /// `accountlogs`: a file for each account beside Master.csv.
    pub accountlogs: bool,
    /// `newcdrcolumns`: peeraccount, linkedid and sequence, last.
    pub newcdrcolumns: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            usegmtime: false,
            loguniqueid: false,
            loguserfield: false,
            accountlogs: true,
            newcdrcolumns: false,
        }
    }
}

/// Appends a record's line. Texts are quoted, numbers and dates that there are
/// not are not.
pub fn write(line: &mut Vec<u8>, entry: &Entry, form: &Form, options: &Options) {
    let cdr = &*entry.cdr;
    let zone = if options.usegmtime {
        &Zone::UTC
    } else {
        &form.zone
    };
    for text in [
        &cdr.accountcode,
        &cdr.src,
        &cdr.dst,
        &cdr.dcontext,
        &cdr.clid,
        &cdr.channel,
        &cdr.dstchannel,
        &cdr.lastapp,
        &cdr.lastdata,
    ] {
        quoted(line, text);
    }
    quoted(line, &date(zone, cdr.start));
    match cdr.answer {
        Some(answer) => quoted(line, &date(zone, answer)),
        None => line.push(b','),
    }
    quoted(line, &date(zone, cdr.end));
    let (duration, billsec) = form.seconds(cdr);
    number(line, duration);
    number(line, billsec);
    quoted(line, cdr.disposition.as_str());
    quoted(line, cdr.amaflags.as_str());
    if options.loguniqueid {
        quoted(line, &cdr.uniqueid);
    }
    if options.loguserfield {
        quoted(line, &cdr.userfield);
    }
    if options.newcdrcolumns {
        quoted(line, &cdr.peeraccount);
        quoted(line, &cdr.linkedid);
        number(line, cdr.id.serial);
    }
    // The last comma.
    line.pop();
    line.push(b'\n');
}

/// A text in quotes, those within doubled, and a comma. A line is a record.
fn quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => line.extend_from_slice(b"\"\""),
            b'\n' | b'\r' => line.push(b' '),
            _ => line.push(byte),
        }
    }
    line.extend_from_slice(b"\",");
}

fn number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(number.to_string().as_bytes());
    line.push(b',');
}

/// The file of an account; `None` where it has none, or one that would lie
/// elsewhere, or is the file of all.
pub fn account_file(accountcode: &str) -> Option<String> {
    let safe = !accountcode.is_empty()
        && !accountcode.starts_with('.')
        && accountcode != "Master"
        && accountcode.len() <= 200
        && !accountcode.contains(['/', '\0']);
    safe.then(|| format!("{accountcode}.csv"))
}
