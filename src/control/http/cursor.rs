//! Where a page of a long table begins, and how much of it is wanted. A table
//! is read shard by shard, a page of a shard's at a time: none is held.

use std::fmt;
use std::str::FromStr;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pinion_sip::machine::{Page, Query, Rows, Span};
use serde::Deserialize;
use serde_json::{Value, json};

use super::View;

/// Rows of a page where nothing is said.
const USUAL: usize = 100;

/// Rows of a page at most.
const MOST: usize = 1000;

/// What a query string may say.
#[derive(Deserialize, Default, Debug)]
pub(super) struct Wish {
    limit: Option<String>,
    after: Option<String>,
}

/// A wrong query string, in a sentence.
#[derive(Debug)]
pub(super) struct Wrong(&'static str);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let told = Json(json!({"error": self.0}));
        (StatusCode::BAD_REQUEST, told).into_response()
    }
}

/// A place in a table of several parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) struct Place {
    /// Which part.
    pub(super) part: u32,
    /// Where in it.
    pub(super) from: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.part, self.from)
    }
}

impl FromStr for Place {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Place, Wrong> {
        let parts = text.split_once('.');
        let place = parts.and_then(|(part, from)| {
            Some(Place {
                part: part.parse().ok()?,
                from: from.parse().ok()?,
            })
        });
        place.ok_or(Wrong(
            "after: what a page before has told as next is wanted",
        ))
    }
}

/// The part of a table that is wanted, being filled.
pub(super) struct Slice {
    rows: Vec<Value>,
    limit: usize,
    place: Option<Place>,
    silent: Vec<u16>,
}

impl Slice {
    pub(super) fn of(wish: &Wish) -> Result<Slice, Wrong> {
        let limit = match wish.limit.as_deref().map(str::parse) {
            None => USUAL,
            Some(Ok(limit @ 1..=MOST)) => limit,
            Some(_) => return Err(Wrong("limit: a number from 1 to 1000 is wanted")),
        };
        let place = wish.after.as_deref().map(str::parse).transpose()?;
        Ok(Slice {
            rows: Vec::new(),
            limit,
            place: Some(place.unwrap_or_default()),
            silent: Vec::new(),
        })
    }

    /// Where it goes on, while there is more, and room for it.
    pub(super) fn place(&self) -> Option<Place> {
        self.place.filter(|_| self.left() > 0)
    }

    /// For how many rows there is room.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.rows.len())
    }

    pub(super) fn push(&mut self, row: Value) {
        self.rows.push(row);
    }

    /// Goes on elsewhere, or nowhere.
    pub(super) fn turn(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// A shard has not answered.
    pub(super) fn miss(&mut self, shard: u16) {
        self.silent.push(shard);
    }

    /// Fills it from a table every shard has its share of; the parts from
    /// `first` on are shards. What lies behind one place of a shard's table
    /// stays together, so that a page may be a few rows longer than was wanted.
    pub(super) fn fill<T>(
        &mut self,
        view: &View,
        first: u32,
        query: impl Fn(Span) -> Query,
        rows: impl Fn(Page) -> Option<Rows<T>>,
        mut tell: impl FnMut(&mut Slice, u16, Vec<T>),
    ) {
        while let Some(place) = self.place() {
            let shard = place.part.checked_sub(first).map(u16::try_from);
            let Some(Ok(shard)) = shard
                .filter(|shard| matches!(shard, Ok(shard) if *shard < view.house.shards.count()))
            else {
                self.place = None;
                return;
            };
            let span = Span {
                from: place.from,
                most: u32::try_from(self.left())
                    .unwrap_or(u32::MAX)
                    .min(Span::FIRST.most),
            };
            let next = match view.house.shards.ask(shard, query(span)).and_then(&rows) {
                Some(Rows { rows, next }) => {
                    tell(self, shard, rows);
                    next
                }
                None => {
                    self.silent.push(shard);
                    None
                }
            };
            self.place = Some(match next {
                Some(from) => Place { from, ..place },
                None => Place {
                    part: place.part + 1,
                    from: 0,
                },
            });
            if place.part + 1 == first + u32::from(view.house.shards.count()) && next.is_none() {
                self.place = None;
            }
        }
    }

    /// `{"NAME": [rows], "next": "…"}`; `silent` names shards that did not answer.
    pub(super) fn end(self, name: &str) -> Json<Value> {
        let mut object = serde_json::Map::new();
        object.insert(name.into(), Value::Array(self.rows));
        let next = self.place.map(|place| place.to_string());
        object.insert("next".into(), json!(next));
        if !self.silent.is_empty() {
            object.insert("silent".into(), json!(self.silent));
        }
        Json(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(limit: Option<&str>, after: Option<&str>) -> Result<(usize, Option<Place>), Wrong> {
        let wish = Wish {
            limit: limit.map(Into::into),
            after: after.map(Into::into),
        };
        Slice::of(&wish).map(|slice| (slice.left(), slice.place()))
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place {
            part: 3,
            from: 70_000,
        };
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        let read = wish(Some("7"), Some("3.70000")).unwrap();
        assert_eq!(read, (7, Some(place)));
        assert_eq!(wish(None, None).unwrap(), (USUAL, Some(Place::default())));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for limit in ["0", "1001", "-1", "ten", ""] {
            assert!(wish(Some(limit), None).is_err(), "{limit}");
        }
        for after in ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.0"] {
            assert!(wish(None, Some(after)).is_err(), "{after}");
        }
    }
}
