//! `/v1/…`: tables as JSON. Long ones by page: `limit` (100, at most 1000), and
//! `after`, what the page before has told as `next`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Query as Asked;
use axum::response::Response;
use pinion_sip::base::shard_of;
use pinion_sip::config::{Peer, PeerKind};
use pinion_sip::machine::{ContactRow, DeviceRow, Page, Query};
use pinion_sip::registrar::Reach;
use serde_json::{Value, json};

use super::cursor::{Place, Slice, Wish, Wrong};
use super::{Shown, View, answer};

/// The devices of one page that shards are asked of together.
const DEVICES: usize = 256;

/// Parts of `/v1/peers`: the devices of sip.conf, and then those of the
/// database as the shards know them.
const KNOWN: u32 = 1;

pub(super) async fn channels(shown: Shown, Asked(wish): Asked<Wish>) -> Response {
    answer(shown, move |view| {
        let mut slice = Slice::of(&wish)?;
        let rows = |page| match page {
            Page::Channels(rows) => Some(rows),
            _ => None,
        };
        slice.fill(view, 0, Query::Channels, rows, |slice, shard, rows| {
            for row in rows {
                slice.push(json!({
                    "name": row.name.as_str(),
                    "state": row.state.as_str(),
                    "context": row.context.as_str(),
                    "exten": row.exten.as_str(),
                    "priority": row.priority,
                    "application": row.application.as_str(),
                    "number": row.number.as_str(),
                    "account": row.account.as_str(),
                    "age_ms": ms(row.age),
                    "bridge": row.bridge,
                    "unique_id": row.unique_id.as_str(),
                    "shard": shard,
                }));
            }
        });
        Ok::<_, Wrong>(slice.end("channels"))
    })
    .await
}

pub(super) async fn registrations(shown: Shown, Asked(wish): Asked<Wish>) -> Response {
    answer(shown, move |view| {
        let mut slice = Slice::of(&wish)?;
        let rows = |page| match page {
            Page::Registrations(rows) => Some(rows),
            _ => None,
        };
        slice.fill(view, 0, Query::Registrations, rows, |slice, shard, rows| {
            for row in rows {
                slice.push(json!({
                    "aor": row.aor.lossy(),
                    "contact": row.contact.lossy(),
                    "address": row.remote.to_string(),
                    "expires_s": row.left_s,
                    "user_agent": row.user_agent.lossy(),
                    "shard": shard,
                }));
            }
        });
        Ok::<_, Wrong>(slice.end("registrations"))
    })
    .await
}

pub(super) async fn peers(shown: Shown, Asked(wish): Asked<Wish>) -> Response {
    answer(shown, move |view| {
        let mut slice = Slice::of(&wish)?;
        file_peers(view, &mut slice);
        let rows = |page| match page {
            Page::Known(rows) => Some(rows),
            _ => None,
        };
        slice.fill(view, KNOWN, Query::Known, rows, |slice, _, rows| {
            describe(view, slice, &rows, true);
        });
        Ok::<_, Wrong>(slice.end("peers"))
    })
    .await
}

/// The devices of sip.conf, in the order of the file.
fn file_peers(view: &View, slice: &mut Slice) {
    let peers = view.house.settings().config.peers.clone();
    while let Some(place) = slice.place().filter(|place| place.part < KNOWN) {
        let (from, most) = (place.from as usize, slice.left().min(DEVICES));
        let page: Vec<Arc<Peer>> = peers.iter().skip(from).take(most).cloned().collect();
        describe(view, slice, &page, false);
        let next = from + page.len();
        slice.turn(Some(match next < peers.len() && !page.is_empty() {
            true => Place {
                from: next as u64,
                ..place
            },
            false => Place {
                part: KNOWN,
                from: 0,
            },
        }));
    }
}

/// Tells of devices what their home shards know of them, asked once each.
fn describe(view: &View, slice: &mut Slice, peers: &[Arc<Peer>], realtime: bool) {
    let mut homes: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (index, peer) in peers.iter().enumerate() {
        let home = shard_of(peer.name.as_bytes(), view.house.shards.count());
        homes.entry(home).or_default().push(index);
    }
    let mut known: Vec<Option<DeviceRow>> = peers.iter().map(|_| None).collect();
    for (home, indices) in homes {
        let names = indices.iter().map(|&index| peers[index].name.clone());
        match view.house.shards.ask(home, Query::Devices(names.collect())) {
            Some(Page::Devices(rows)) => {
                for (index, row) in indices.into_iter().zip(rows) {
                    known[index] = Some(row);
                }
            }
            _ => slice.miss(home),
        }
    }
    for (peer, row) in peers.iter().zip(known) {
        let contacts = row.as_ref().map(|row| {
            let contacts = row.contacts.iter().map(contact);
            contacts.collect::<Vec<_>>()
        });
        slice.push(json!({
            "name": peer.name.as_str(),
            "kind": match peer.kind {
                PeerKind::User => "user",
                PeerKind::Peer => "peer",
                PeerKind::Friend => "friend",
            },
            "context": peer.context.as_str(),
            "realtime": realtime,
            "contacts": contacts,
            "calls": row.map(|row| row.calls),
        }));
    }
}

fn contact(row: &ContactRow) -> Value {
    let (status, round_trip) = match row.reach {
        Reach::Unknown => ("unknown", None),
        Reach::Reachable(took) => ("reachable", Some(took)),
        Reach::Lagged(took) => ("lagged", Some(took)),
        Reach::Unreachable => ("unreachable", None),
    };
    json!({
        "uri": String::from_utf8_lossy(row.binding.uri()),
        "address": row.binding.flow.remote.to_string(),
        "expires_s": row.left_s,
        "status": status,
        "round_trip_ms": round_trip.map(ms),
    })
}

pub(super) async fn modules(shown: Shown) -> Response {
    answer(shown, |view| {
        let rows = view.house.modules.rows(&view.house);
        let each = rows.iter().map(|row| {
            json!({
                "name": row.module.name(),
                "summary": row.module.summary(),
                "status": row.status.as_str(),
                "use_count": row.use_count,
            })
        });
        Json(json!({"modules": each.collect::<Vec<_>>()}))
    })
    .await
}

/// The numbers of each shard, and when they were read: what is drawn is told
/// by two readings.
pub(super) async fn shards(shown: Shown) -> Response {
    answer(shown, |view| {
        let censuses = view.census();
        let shards = censuses.iter().map(|census| {
            let numbers = census.counters.iter();
            let numbers: serde_json::Map<String, Value> = numbers
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            json!({"shard": census.shard, "numbers": numbers})
        });
        let up = view.house.started.elapsed().unwrap_or_default();
        Json(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "up_ms": ms(up),
            "count": view.house.shards.count(),
            "shards": shards.collect::<Vec<_>>(),
        }))
    })
    .await
}

/// What the stages have taken since the start, and the buckets they were counted
/// in: upper bound in ms, and how many. `silent` names shards whose share is
/// missing.
pub(super) async fn latency(shown: Shown) -> Response {
    answer(shown, |view| {
        let (stages, silent) = view.stages();
        let each = stages.each().map(|(stage, histogram)| {
            let buckets = histogram.buckets();
            json!({
                "stage": stage.name(),
                "of_calls": stage.is_of_calls(),
                "count": histogram.count(),
                "sum_ms": ms(histogram.sum()),
                "p50_ms": ms(histogram.quantile(0.5)),
                "p99_ms": ms(histogram.quantile(0.99)),
                "p999_ms": ms(histogram.quantile(0.999)),
                "buckets": buckets.map(|(bound, count)| json!([ms(bound), count])).collect::<Vec<_>>(),
            })
        });
        Json(json!({"stages": each.collect::<Vec<_>>(), "silent": silent}))
    })
    .await
}

fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}
