//! `/healthz`: whether the shards live; `/readyz`: whether new work is taken,
//! and if not, why. 503 where the answer is no.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use pinion_sip::machine::{Page, Query, StateRow};
use serde_json::{Value, json};

use super::{Shown, View, answer};

/// What begins the names of the breakers' counters; 2 is an open one.
const BREAKER: &str = "realtime_breaker_";

pub(super) async fn healthz(shown: Shown) -> Response {
    answer(shown, |view| judge(&[("shards", shards(view).1)])).await
}

pub(super) async fn readyz(shown: Shown) -> Response {
    answer(shown, |view| {
        let (states, shards) = shards(view);
        let open = (view.totals)()
            .iter()
            .any(|(name, value)| name.starts_with(BREAKER) && *value == 2);
        judge(&[
            ("shards", shards),
            ("listening", listening(view)),
            ("database", database(&states, open)),
            ("draining", draining(&states)),
            ("overload", overload(&states)),
        ])
    })
    .await
}

/// Whether one thing is as it should be, and a word on it.
type Finding = Result<&'static str, String>;

fn judge(findings: &[(&str, Finding)]) -> (StatusCode, Json<Value>) {
    let well = findings.iter().all(|(_, finding)| finding.is_ok());
    let status = match well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let told = findings.iter().map(|(name, finding)| {
        let word = match finding {
            Ok(word) => (*word).to_owned(),
            Err(word) => word.clone(),
        };
        let told = json!({"ok": finding.is_ok(), "reason": word});
        ((*name).to_owned(), told)
    });
    let checks: serde_json::Map<String, Value> = told.collect();
    (status, Json(json!({"ok": well, "checks": checks})))
}

fn shards(view: &View) -> (Vec<StateRow>, Finding) {
    let count = view.house.shards.count();
    let pages = view.house.shards.ask_all(&Query::State).into_iter();
    let states: Vec<StateRow> = pages
        .filter_map(|(_, page)| match page {
            Some(Page::State(state)) => Some(state),
            _ => None,
        })
        .collect();
    let finding = match usize::from(count) - states.len() {
        0 => Ok("all shards answer"),
        silent => Err(format!("{silent} of {count} shards do not answer")),
    };
    (states, finding)
}

/// Sockets stay open when their module is unloaded; what comes is not heard.
fn listening(view: &View) -> Finding {
    let missing = view.house.settings().config.general.missing;
    let mut heard = view.house.listening.iter();
    match heard.any(|(transport, _)| missing.carries(*transport)) {
        true => Ok("SIP is heard"),
        false => Err("SIP is not heard: chan_sip or its transports are not loaded".into()),
    }
}

fn database(states: &[StateRow], open: bool) -> Finding {
    if open {
        return Err("the database has failed and is not asked".into());
    }
    match states.iter().find_map(|state| state.database) {
        None => Ok("none is configured"),
        Some(_) if states.iter().any(|state| state.database == Some(false)) => {
            Err("the database does not answer".into())
        }
        Some(_) => Ok("it answers"),
    }
}

fn draining(states: &[StateRow]) -> Finding {
    match states.iter().any(|state| state.draining) {
        true => Err("no new calls are taken".into()),
        false => Ok("new calls are taken"),
    }
}

fn overload(states: &[StateRow]) -> Finding {
    match states.iter().filter(|state| state.is_full()).count() {
        0 => Ok("every shard has room"),
        full => Err(format!("{full} shards have no room for new calls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: StateRow = StateRow {
        draining: false,
        database: Some(true),
        calls: (3, 10),
        transactions: (4, 20),
    };

    #[test]
    fn each_reason_not_to_be_ready_is_told() {
        let fine = [
            WELL,
            StateRow {
                database: None,
                ..WELL
            },
        ];
        assert!(
            database(&fine, false).is_ok() && draining(&fine).is_ok() && overload(&fine).is_ok()
        );
        assert!(database(&fine, true).is_err(), "its breaker is open");
        let late = [
            WELL,
            StateRow {
                database: Some(false),
                ..WELL
            },
        ];
        assert!(database(&late, false).is_err());
        assert!(
            draining(&[StateRow {
                draining: true,
                ..WELL
            }])
            .is_err()
        );
        assert!(
            overload(&[
                WELL,
                StateRow {
                    calls: (10, 10),
                    ..WELL
                }
            ])
            .is_err()
        );
        assert!(
            overload(&[StateRow {
                transactions: (20, 20),
                ..WELL
            }])
            .is_err()
        );
    }

    #[test]
    fn one_that_is_not_well_is_enough() {
        let (status, Json(told)) = judge(&[("one", Ok("fine")), ("two", Err("broken".into()))]);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let expected = json!({"ok": false, "checks": {
            "one": {"ok": true, "reason": "fine"},
            "two": {"ok": false, "reason": "broken"},
        }});
        assert_eq!(told, expected);
        assert_eq!(judge(&[("one", Ok("fine"))]).0, StatusCode::OK);
    }
}
