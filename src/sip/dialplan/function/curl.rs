//! `CURL(url[,post-data])` and `CURLOPT(name)`: documents of web servers.
//!
//! The workers wait, not the shard, and not longer than `--work-timeout`.
//! Options hold for the channel that sets them. Redirects are followed with
//! `followlocation` or `maxredirs` only; options about proxies, FTP and DNS have
//! no effect.

use core::time::Duration;

use super::super::arguments::split;
use super::super::inquiry::{Inquiry, Reply};
use super::super::state::Scope;
use super::super::step::{Step, holds};
use super::super::work::{Fetch, Fields, Manner, Work, origin};
use super::hash::FIELDS;

/// Redirects followed where no number is set.
const REDIRECTS: u32 = 10;

/// Options Asterisk has that do nothing here.
const WITHOUT_EFFECT: [&str; 8] = [
    "dnstimeout",
    "ftptext",
    "ftptimeout",
    "header",
    "proxy",
    "proxyport",
    "proxytype",
    "proxyuserpwd",
];

pub(super) fn ask(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let parts = split(arguments, 2);
    let Some(url) = parts.first().filter(|url| !url.is_empty()) else {
        step.warn("arguments", || "CURL needs a URL".into());
        return Err(String::new());
    };
    let outside = step.state.outside();
    Ok(Inquiry::Work(Box::new(Work::Fetch(Fetch {
        url: (&**url).into(),
        post: parts.get(1).map(|post| (&**post).into()),
        manner: outside.map_or(Manner::default(), |outside| outside.manner.clone()),
    }))))
}

/// Without the line end at its end. With `hashcompat` it is the values of its
/// fields, joined by commas, and their names go where `HASH` looks for them.
pub(super) fn tell(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let Some(text) = reply.text() else {
        let server = || {
            split(arguments, 2)
                .first()
                .map(|url| origin(url))
                .unwrap_or_default()
        };
        step.warn("curl", || format!("CURL of {} brought nothing", server()));
        return String::new();
    };
    let text = text.trim_end();
    let fields = step.state.outside().map(|outside| outside.fields);
    match fields.unwrap_or_default() {
        Fields::No => text.into(),
        fields => {
            let pairs = text.split('&').map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name, fields), decoded(value, fields))
            });
            let (names, values): (Vec<String>, Vec<String>) = pairs.unzip();
            step.set(FIELDS, &names.join(","));
            values.join(",")
        }
    }
}

/// What an option was set to on this channel.
pub(super) fn read_option(scope: &Scope<'_>, arguments: &str) -> String {
    let name = arguments.trim().to_ascii_lowercase();
    let outside = scope.state.outside();
    let mut options = outside.into_iter().flat_map(|outside| &outside.options);
    let set = options.find(|(known, _)| **known == *name);
    set.map_or(String::new(), |(_, value)| value.to_string())
}

pub(super) fn write_option(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let name = arguments.trim().to_ascii_lowercase();
    let value = value.trim();
    let text = || (!value.is_empty()).then(|| Box::from(value));
    let outside = step.state.outside_mut();
    let manner = &mut outside.manner;
    match name.as_str() {
        "httptimeout" => manner.timeout = seconds(value),
        "conntimeout" => manner.connect_timeout = seconds(value),
        "maxredirs" => manner.redirects = value.parse().unwrap_or(0),
        "followlocation" if holds(value) => manner.redirects = manner.redirects.max(REDIRECTS),
        "followlocation" => manner.redirects = 0,
        "useragent" => manner.user_agent = text(),
        "userpwd" => manner.user_password = text(),
        "referer" => manner.referer = text(),
        "cookie" => manner.cookie = text(),
        "ssl_verifypeer" => manner.verify = holds(value),
        "hashcompat" => {
            outside.fields = match value.to_ascii_lowercase().as_str() {
                "legacy" => Fields::Legacy,
                "yes" | "true" | "on" | "1" | "y" | "t" => Fields::Yes,
                _ => Fields::No,
            }
        }
        known if WITHOUT_EFFECT.contains(&known) => {
            step.warn("curlopt", || format!("CURLOPT({known}) has no effect here"));
            return None;
        }
        unknown => {
            step.warn("curlopt", || format!("CURLOPT has no option '{unknown}'"));
            return None;
        }
    }
    outside.options.retain(|(known, _)| **known != *name);
    outside.options.push((name.into(), value.into()));
    None
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
}

/// Without `%XX`, and without `+` where fields are of the old kind.
fn decoded(text: &str, fields: Fields) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(match (code, byte) {
            (Some(code), _) => code,
            (None, b'+') if fields == Fields::Legacy => b' ',
            (None, byte) => byte,
        });
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests;
