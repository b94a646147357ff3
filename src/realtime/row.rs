//! A row and what it says: values as Asterisk encodes them, the pairs an option
//! reader takes, and the registration a row holds (A.11.2). It asks nobody.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use pinion_sip::base::{Text, UnixTime};
use pinion_sip::machine::realtime::Registration;

use super::driver::Row;
use super::schema::Shape;

/// `lastms` of a device that nobody has asked yet.
const UNASKED: &str = "0";

/// A value of a column as a table keeps it: `;` separates values, so one within
/// a value is `^3B`, and `^` is `^5E`.
pub fn encoded(value: &str) -> Cow<'_, str> {
    if !value.contains([';', '^']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace('^', "^5E").replace(';', "^3B"))
}

/// The reverse, for one value. What is no `^` with two hexadecimal digits stays.
pub fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains('^') {
        return Cow::Borrowed(value);
    }
    let bytes = value.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|digits| byte == b'^' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// The pairs of a row, in its order: NULL says nothing, and `a;b` is two values.
pub fn pairs(row: &Row) -> Vec<(String, String)> {
    let mut pairs = Vec::with_capacity(row.len());
    for (name, value) in row {
        let Some(value) = value else { continue };
        for part in value.split(';') {
            pairs.push((name.to_string(), decoded(part).into_owned()));
        }
    }
    pairs
}

/// A column of a row, as kept; `None` where it is NULL or absent.
pub fn column<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    row.iter()
        .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .and_then(|(_, value)| value.as_deref())
}

/// The registration a row holds, whether or not it has ended; `None` where the
/// device is not registered.
pub fn registration(row: &Row) -> Option<Registration> {
    let field = |name| column(row, name).map(decoded).unwrap_or_default();
    let user = match column(row, "defaultuser").filter(|user| !user.is_empty()) {
        Some(user) => decoded(user),
        None => field("username"),
    };
    let uri = field("fullcontact");
    let address = match field("ipaddr").parse::<IpAddr>() {
        Ok(address) => {
            let port = field("port").parse().ok().filter(|&port| port != 0);
            SocketAddr::new(address, port.unwrap_or(5060))
        }
        Err(_) => literal_address(&uri)?,
    };
    let uri = if uri.is_empty() {
        let at = if user.is_empty() { "" } else { "@" };
        Cow::Owned(format!("sip:{user}{at}{address}"))
    } else {
        uri
    };
    Some(Registration {
        fullcontact: Text::from(&*uri),
        address,
        local: None,
        regseconds: UnixTime(field("regseconds").parse().unwrap_or(0)),
        defaultuser: Text::from(&*user),
        useragent: Text::from(&*field("useragent")),
        path: Text::from(&*field("path")),
        call_id: Text::new(),
        cseq: 0,
        node: None,
        q: 1000,
        regserver: (&*field("regserver")).into(),
    })
}

/// The address in `sip:user@address:port;…`, if it is one.
fn literal_address(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':')?.1;
    let rest = rest.split([';', '?']).next()?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Some(SocketAddr::new(bare.parse().ok()?, 5060))
}

/// What decides which columns a registration is written to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Writing {
    /// `systemname`, where `rtsavesysname` wants it saved.
    pub regserver: Option<String>,
    /// `rtsavepath`.
    pub path: bool,
    /// Whether the table is one of registrations, where a device that registers
    /// for the first time has no row yet.
    pub new_rows: bool,
}

impl Writing {
    /// `regserver` as the table keeps ours; `None` where it is not saved.
    pub fn ours(&self, shape: &Shape) -> Option<String> {
        let name = encoded(self.regserver.as_deref()?);
        shape
            .has("regserver")
            .then(|| cut(&name, shape.width("regserver")))
    }
}

/// The columns of a registration that the table has.
pub fn saved_columns(shape: &Shape, writing: &Writing) -> Vec<&'static str> {
    let mut columns = vec!["ipaddr", "port", "regseconds", "fullcontact", "useragent"];
    columns.extend(["lastms", shape.user_column()]);
    columns.extend(writing.regserver.as_ref().map(|_| "regserver"));
    columns.extend(writing.path.then_some("path"));
    columns.retain(|column| shape.has(column));
    columns
}

/// The columns that are emptied when a device is not registered any more, and
/// their values.
pub fn cleared_columns(shape: &Shape) -> Vec<(&'static str, &'static str)> {
    let mut columns = vec![
        ("fullcontact", ""),
        ("lastms", "0"),
        ("useragent", ""),
        ("regserver", ""),
        ("regseconds", "0"),
        ("port", "0"),
        ("ipaddr", ""),
    ];
    columns.retain(|(column, _)| shape.has(column));
    columns
}

/// The row of a registration: the key, then its columns' values. `None` where
/// its Path does not fit: a device without it would be called in vain.
pub fn saved_row(
    name: &str,
    contact: &Registration,
    lastms: Option<i32>,
    columns: &[&str],
    shape: &Shape,
    writing: &Writing,
) -> Option<Vec<String>> {
    let mut row = vec![encoded(name).into_owned()];
    for &column in columns {
        let width = shape.width(column);
        let whole = |text: &[u8]| encoded(&String::from_utf8_lossy(text)).into_owned();
        row.push(match column {
            "ipaddr" => contact.address.ip().to_canonical().to_string(),
            "port" => contact.address.port().to_string(),
            "regseconds" => contact.regseconds.0.to_string(),
            "lastms" => lastms.map_or(UNASKED.into(), |ms| ms.to_string()),
            "fullcontact" => fullcontact(&contact.fullcontact, width),
            "path" => Some(whole(&contact.path)).filter(|path| fits(path, width))?,
            "useragent" => cut(&whole(&contact.useragent), width),
            "regserver" => writing.ours(shape).unwrap_or_default(),
            _ => Some(whole(&contact.defaultuser))
                .filter(|user| fits(user, width))
                .unwrap_or_default(),
        });
    }
    Some(row)
}

/// A contact's URI; too long a one without its parameters; still too long, none:
/// the address columns alone then say where the device is.
fn fullcontact(uri: &[u8], width: Option<usize>) -> String {
    let uri = String::from_utf8_lossy(uri);
    let whole = encoded(&uri);
    if fits(&whole, width) {
        return whole.into_owned();
    }
    let host = uri.find('@').unwrap_or(0);
    let end = uri[host..]
        .find([';', '?'])
        .map_or(uri.len(), |end| host + end);
    let short = encoded(&uri[..end]);
    if fits(&short, width) {
        short.into_owned()
    } else {
        String::new()
    }
}

fn fits(text: &str, width: Option<usize>) -> bool {
    width.is_none_or(|width| text.chars().count() <= width)
}

/// What people read may lose its end, though never half of an escape.
fn cut(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|_| !fits(text, width)) else {
        return text.into();
    };
    let mut short: String = text.chars().take(width).collect();
    let whole = short.len().saturating_sub(2);
    if let Some(at) = short.rfind('^').filter(|&at| at >= whole) {
        short.truncate(at);
    }
    short
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::driver::{Column, Kind};
    use super::*;

    fn row(columns: &[(&str, &str)]) -> Row {
        let column = |&(name, value): &(&str, &str)| (Arc::from(name), Some(value.to_owned()));
        columns.iter().map(column).collect()
    }

    #[test]
    fn encoding_is_undone() {
        for text in [
            "",
            "a;b^c",
            "^3B",
            "^^;;",
            "sip:a@b;transport=udp",
            "\0;\u{1F600}^",
        ] {
            assert_eq!(decoded(&encoded(text)), text);
            assert!(!encoded(text).contains(';'));
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decoded("^zz^4"), "^zz^4");
        assert_eq!(decoded("a^3bb"), "a;b");
    }

    #[test]
    fn several_values_become_several_pairs() {
        let pairs = pairs(&row(&[
            ("allow", "ulaw;alaw"),
            ("setvar", "A=1^3B2"),
            ("nat", ""),
        ]));
        let expected = [
            ("allow", "ulaw"),
            ("allow", "alaw"),
            ("setvar", "A=1;2"),
            ("nat", ""),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn a_row_of_a_registered_device() {
        let registration = registration(&row(&[
            ("name", "100"),
            ("ipaddr", "192.0.2.1"),
            ("port", "5062"),
            ("regseconds", "1795348370"),
            ("fullcontact", "sip:100@192.0.2.1:5062^3Btransport=udp"),
            ("defaultuser", "100"),
            ("useragent", "phone"),
            ("regserver", "a"),
        ]))
        .unwrap();
        assert_eq!(
            &*registration.fullcontact,
            b"sip:100@192.0.2.1:5062;transport=udp"
        );
        assert_eq!(registration.address, "192.0.2.1:5062".parse().unwrap());
        assert_eq!(registration.regseconds, UnixTime(1_795_348_370));
        assert_eq!(registration.regserver, "a");
    }

    #[test]
    fn an_address_alone_is_enough_and_so_is_a_contact_alone() {
        let by_address = row(&[("ipaddr", "::1"), ("port", "5061"), ("username", "7")]);
        let by_address = registration(&by_address).unwrap();
        assert_eq!(&*by_address.fullcontact, b"sip:7@[::1]:5061");
        let by_contact = row(&[("ipaddr", ""), ("fullcontact", "sip:7@192.0.2.7;ob")]);
        let by_contact = registration(&by_contact).unwrap();
        assert_eq!(by_contact.address, "192.0.2.7:5060".parse().unwrap());
        assert!(registration(&row(&[("ipaddr", ""), ("fullcontact", "")])).is_none());
        assert!(registration(&row(&[("name", "7")])).is_none());
    }

    fn shape(columns: &[(&str, Option<u32>)]) -> Shape {
        let column = |&(name, width): &(&str, Option<u32>)| Column {
            name: name.into(),
            kind: Kind::Text(width),
        };
        Shape::new(columns.iter().map(column).collect())
    }

    #[test]
    fn what_does_not_fit_is_cut_where_that_is_harmless() {
        let shape = shape(&[("fullcontact", Some(20)), ("useragent", Some(5))]);
        let columns = saved_columns(&shape, &Writing::default());
        assert_eq!(columns, ["fullcontact", "useragent"]);
        let mut contact = registration(&row(&[("ipaddr", "192.0.2.1")])).unwrap();
        contact.fullcontact = "sip:100@192.0.2.1;line=12345".into();
        contact.useragent = "abcd;efgh".into();
        let saved = |contact: &Registration| {
            saved_row("n", contact, None, &columns, &shape, &Writing::default()).unwrap()
        };
        assert_eq!(saved(&contact), ["n", "sip:100@192.0.2.1", "abcd"]);
        contact.fullcontact = "sip:a-very-long-name@192.0.2.1".into();
        assert_eq!(saved(&contact)[1], "");
    }

    #[test]
    fn a_path_that_does_not_fit_is_no_row() {
        let shape = shape(&[("path", Some(4))]);
        let writing = Writing {
            path: true,
            ..Writing::default()
        };
        let mut contact = registration(&row(&[("ipaddr", "192.0.2.1")])).unwrap();
        contact.path = "<sip:proxy;lr>".into();
        assert_eq!(
            saved_row("n", &contact, None, &["path"], &shape, &writing),
            None
        );
    }
}
