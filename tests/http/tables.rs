//! The tables, page by page.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use crate::client::{ask, get, object, send};
use crate::phone::Phone;

/// All rows of a table, by pages of `limit`, each followed by its `next`.
fn pages(http: SocketAddr, table: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = object(http, &format!("/v1/{table}?limit={limit}{after}"));
        rows.extend(page[table].as_array().expect("rows").clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return rows,
        }
    }
    panic!("{table} does not end");
}

fn names<'r>(rows: &'r [Value], field: &str) -> BTreeSet<&'r str> {
    let names = rows.iter().map(|row| row[field].as_str().expect("a name"));
    let unique: BTreeSet<&str> = names.collect();
    assert_eq!(unique.len(), rows.len(), "each once: {rows:?}");
    unique
}

#[test]
fn a_table_is_the_same_whatever_the_size_of_its_pages() {
    let (engine, http) = crate::engine("http-tables", &[]);
    let phone = Phone::new(&engine);
    for user in ["1001", "1002", "1003"] {
        phone.register(user);
    }
    let expected: Vec<String> = (1000..1030).map(|number| number.to_string()).collect();
    for limit in [1, 7, 30, 1000] {
        let peers = pages(http, "peers", limit);
        assert!(
            names(&peers, "name").into_iter().eq(expected.iter()),
            "{limit}"
        );
        let registrations = pages(http, "registrations", limit);
        let expected = BTreeSet::from(["1001", "1002", "1003"]);
        assert_eq!(names(&registrations, "aor"), expected, "{limit}");
    }
    let peers = pages(http, "peers", 100);
    let reached = |name: &str| {
        let row = peers.iter().find(|row| row["name"] == name);
        row.expect("a row")["contacts"].as_array().map(Vec::len)
    };
    assert_eq!((reached("1001"), reached("1000")), (Some(1), Some(0)));
    let modules = object(http, "/v1/modules");
    let modules = modules["modules"].as_array().expect("rows").clone();
    assert!(names(&modules, "name").contains("chan_sip"));
    assert_eq!(
        object(http, "/v1/shards")["shards"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[test]
fn a_call_shows_its_channels() {
    let (engine, http) = crate::engine("http-channels", &[]);
    let phone = Phone::new(&engine);
    phone.register("1002");
    assert!(pages(http, "channels", 10).is_empty());
    phone.ring("one-call");
    let channels = pages(http, "channels", 1);
    let states: BTreeSet<&str> = channels
        .iter()
        .filter_map(|row| row["state"].as_str())
        .collect();
    assert_eq!(states, BTreeSet::from(["Ring", "Ringing"]), "{channels:?}");
    let caller = channels.iter().find(|row| row["state"] == "Ring");
    let caller = caller.expect("the caller's");
    assert_eq!(
        (&caller["exten"], &caller["application"]),
        (&"1002".into(), &"Dial".into())
    );
    assert!(
        names(&channels, "name")
            .iter()
            .all(|name| name.starts_with("SIP/100"))
    );
}

#[test]
fn what_is_not_there_is_refused() {
    let (_engine, http) = crate::engine("http-refusals", &[]);
    for path in [
        "/v1/channels?limit=0",
        "/v1/peers?limit=x",
        "/v1/registrations?after=7",
    ] {
        assert_eq!(get(http, path).status, 400, "{path}");
    }
    assert_eq!(
        get(http, "/v1/channels?after=9.9").status,
        200,
        "past the end"
    );
    for path in ["/v1", "/v1/nothing", "/index.html"] {
        assert_eq!(get(http, path).status, 404, "{path}");
    }
    let own = http.to_string();
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(
            ask(http, method, "/v1/channels", &own).status,
            405,
            "{method}"
        );
    }
    assert_eq!(ask(http, "GET", "/v1/channels", "evil.example").status, 403);
    assert_eq!(ask(http, "GET", "/v1/channels", "localhost").status, 200);
    let nameless = send(http, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(nameless.status, 200, "no browser asks so");
}
