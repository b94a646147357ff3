//! Rows of realtime families: `REALTIME(family,column,value[,delim1[,delim2]])`,
//! `REALTIME_FIELD(family,column,value,field)`, `REALTIME_HASH(family,column,value)`,
//! `REALTIME_STORE(family,field,…)` and `REALTIME_DESTROY(family,column[,value])`.
//!
//! Whichever column a plan names is asked for: whether a family is mapped, and
//! where, is the database workers' matter.
//!
//! `REALTIME_STORE` does not set `RTSTOREID`: the number of a new row is not told
//! to plans.

use super::super::arguments::{Parts, split};
use super::super::inquiry::{Deed, Inquiry, Reply, Row, Rows};
use super::super::step::Step;
use super::hash::FIELDS;

pub(super) fn ask(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    asked(step, arguments, Deed::Read).ok_or_else(String::new)
}

pub(super) fn ask_destroy(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    asked(step, arguments, Deed::Destroy).ok_or_else(String::new)
}

/// `name=value,` of each field; the delimiters may be others.
pub(super) fn tell(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let row = first_row(step, arguments, reply);
    let parts = split(arguments, 5);
    let delimiter = |at: usize, usual| match parts.get(at).map(AsRef::as_ref) {
        None | Some("") => usual,
        Some(text) => text,
    };
    let (between, within) = (delimiter(3, ","), delimiter(4, "="));
    let fields = row.iter();
    fields
        .map(|(name, value)| [&**name, within, &**value, between].concat())
        .collect()
}

pub(super) fn tell_field(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let row = first_row(step, arguments, reply);
    let parts = split(arguments, 4);
    let Some(wanted) = parts.get(3) else {
        return String::new();
    };
    let field = row.into_iter().find(|(name, _)| **name == **wanted);
    field.map_or(String::new(), |(_, value)| value.into())
}

/// The values, joined by commas; their names go where `HASH` looks for them.
pub(super) fn tell_hash(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let row = first_row(step, arguments, reply);
    let (names, values): (Vec<Box<str>>, Vec<Box<str>>) = row.into_iter().unzip();
    step.set(FIELDS, &names.join(","));
    values.join(",")
}

/// `(family,column,value,field)`: the field is set in all rows of that value.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let parts = split(arguments, 4);
    let Some(field) = parts.get(3).filter(|field| !field.is_empty()) else {
        complain(step, "a family, a column, its value and the field to set");
        return None;
    };
    let deed = Deed::Update((&**field).into(), value.into());
    rows(step, &parts, deed)
}

/// The value it is set to does not matter.
pub(super) fn destroy(step: &mut Step<'_>, arguments: &str, _: &str) -> Option<Inquiry> {
    asked(step, arguments, Deed::Destroy)
}

/// As many values as there are fields, in their order.
pub(super) fn store(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let (parts, values) = (split(arguments, 32), split(value, 31));
    let Some((family, fields)) = parts.split_first() else {
        complain(step, "a family");
        return None;
    };
    if fields.is_empty() || fields.len() != values.len() {
        complain(step, "as many values as fields, and one at least");
        return None;
    }
    let matches = fields.iter().zip(&values);
    Some(Inquiry::Rows(Box::new(Rows {
        family: (&**family).into(),
        matches: matches
            .map(|(field, value)| ((&**field).into(), (&**value).into()))
            .collect(),
        deed: Deed::Store,
    })))
}

fn asked(step: &mut Step<'_>, arguments: &str, deed: Deed) -> Option<Inquiry> {
    let parts = split(arguments, 5);
    rows(step, &parts, deed)
}

fn rows(step: &mut Step<'_>, parts: &Parts<'_>, deed: Deed) -> Option<Inquiry> {
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref);
    let (family, column, value) = (part(0), part(1), part(2));
    if family.is_empty() || column.is_empty() {
        complain(step, "a family and a column");
        return None;
    }
    Some(Inquiry::Rows(Box::new(Rows {
        family: family.into(),
        matches: vec![(column.into(), value.into())],
        deed,
    })))
}

/// The fields of the first row that say something.
fn first_row(step: &mut Step<'_>, arguments: &str, reply: Reply) -> Row {
    match reply {
        Reply::Rows(rows) => rows.into_iter().next().unwrap_or_default(),
        Reply::Text(_) | Reply::Nothing => Row::new(),
        Reply::Failed => {
            step.warn("realtime", || {
                format!("no database answers for the rows of REALTIME({arguments})")
            });
            Row::new()
        }
    }
}

fn complain(step: &mut Step<'_>, needs: &str) {
    let text = format!("REALTIME and its kin need {needs}");
    step.warn("arguments", || text.clone());
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::{Fake, call};
    use super::super::super::*;

    fn rows(matches: &[(&str, &str)], deed: Deed) -> Inquiry {
        let matches = matches
            .iter()
            .map(|&(name, value)| (name.into(), value.into()));
        Inquiry::Rows(Box::new(Rows {
            family: "fam".into(),
            matches: matches.collect(),
            deed,
        }))
    }

    /// What `A` is after `Set(A=text)`, and what was asked, where the row is
    /// `a=1,b=2`.
    fn value(text: &str) -> (String, Cursor, Fake) {
        let line = format!("s,1,Set(A={text})");
        let (mut cursor, mut fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
        let row = vec![("a".into(), "1".into()), ("b".into(), "2".into())];
        cursor.handle(Event::Reply(Ticket(0), Reply::Rows(vec![row])), &mut fake);
        (cursor.variables().value("A").unwrap().into(), cursor, fake)
    }

    #[test]
    fn realtime_shows_a_row() {
        let (shown, _, fake) = value("${REALTIME(fam,id,7)}");
        assert_eq!(shown, "a=1,b=2,");
        assert_eq!(fake.asked, [rows(&[("id", "7")], Deed::Read)]);
        assert_eq!(value("${REALTIME(fam,id,7,;,:)}").0, "a:1;b:2;");
    }

    #[test]
    fn realtime_field_shows_one_column() {
        assert_eq!(value("${REALTIME_FIELD(fam,id,7,b)}").0, "2");
        assert_eq!(value("${REALTIME_FIELD(fam,id,7,c)}").0, "");
    }

    #[test]
    fn realtime_hash_names_its_fields() {
        let (shown, cursor, _) = value("${REALTIME_HASH(fam,id,7)}");
        assert_eq!(shown, "1,2");
        assert_eq!(cursor.variables().value("~ODBCFIELDS~"), Some("a,b"));
    }

    #[test]
    fn realtime_destroy_shows_what_it_removes() {
        let (shown, _, fake) = value("${REALTIME_DESTROY(fam,id,7)}");
        assert_eq!(shown, "a=1,b=2,");
        assert_eq!(fake.asked, [rows(&[("id", "7")], Deed::Destroy)]);
    }

    #[test]
    fn realtime_is_set_by_column_and_value() {
        let (_, fake, _) = call(&["s,1,Set(REALTIME(fam,id,7,name)=x,y)"], "s");
        let deed = Deed::Update("name".into(), "x,y".into());
        assert_eq!(fake.asked, [rows(&[("id", "7")], deed)]);
    }

    #[test]
    fn realtime_store_adds_a_row() {
        let (_, fake, _) = call(&["s,1,Set(REALTIME_STORE(fam,a,b)=1,2)"], "s");
        assert_eq!(fake.asked, [rows(&[("a", "1"), ("b", "2")], Deed::Store)]);
        let (_, fake, _) = call(&["s,1,Set(REALTIME_STORE(fam,a,b)=1)"], "s");
        assert_eq!((fake.asked.len(), fake.warnings.len()), (0, 1));
    }

    #[test]
    fn a_database_that_is_silent_is_told() {
        let lines = ["s,1,Set(A=x${REALTIME(fam,id,7)})", "s,2,Wait(1)"];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        cursor.handle(Event::Reply(Ticket(0), Reply::Failed), &mut fake);
        assert_eq!(cursor.variables().value("A"), Some("x"));
        assert_eq!(fake.warnings.len(), 1, "{:?}", fake.warnings);
    }
}
