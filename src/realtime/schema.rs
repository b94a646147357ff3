//! Whether a table has room for what is written to it: checked at start and
//! whenever a connection is made. It says what is missing, once; it changes a
//! table only where `requirements` asks for it.

use super::driver::{Column, Ddl, Kind};
use super::mapping::Requirements;

/// What a registration needs of a table (A.11.2).
const WANTED: [(&str, Kind); 9] = [
    ("name", Kind::Text(Some(10))),
    ("ipaddr", Kind::Text(Some(45))),
    (
        "port",
        Kind::Integer {
            bytes: 2,
            unsigned: true,
        },
    ),
    (
        "regseconds",
        Kind::Integer {
            bytes: 4,
            unsigned: false,
        },
    ),
    ("defaultuser", Kind::Text(Some(10))),
    ("fullcontact", Kind::Text(Some(35))),
    ("regserver", Kind::Text(Some(20))),
    ("useragent", Kind::Text(Some(20))),
    (
        "lastms",
        Kind::Integer {
            bytes: 4,
            unsigned: false,
        },
    ),
];

/// Something a table lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// For the operator.
    pub sentence: String,
    /// What would mend it; `None` where nothing may.
    pub ddl: Option<Ddl>,
}

/// The columns of a table that registrations are written to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shape(Vec<Column>);

impl Shape {
    /// From the table's description.
    pub fn new(columns: Vec<Column>) -> Shape {
        Shape(columns)
    }

    /// All columns, in the table's order.
    pub fn columns(&self) -> &[Column] {
        &self.0
    }

    /// The column of that name; MySQL's names have no case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.0
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether it has the column.
    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// Whether a registration can be read back from it: where the device is, and
    /// until when.
    pub fn keeps_registrations(&self) -> bool {
        let address = self.has("ipaddr") && self.has("port");
        self.has("regseconds") && (address || self.has("fullcontact"))
    }

    /// Characters the column takes; `None`: no limit.
    pub fn width(&self, name: &str) -> Option<usize> {
        match self.column(name)?.kind {
            Kind::Text(width) => width.map(|width| width as usize),
            Kind::Integer { .. } | Kind::Other => None,
        }
    }

    /// `defaultuser`, or `username` where the table has only that.
    pub fn user_column(&self) -> &'static str {
        if !self.has("defaultuser") && self.has("username") {
            "username"
        } else {
            "defaultuser"
        }
    }

    /// What it lacks.
    pub fn lacks(&self, table: &str, requirements: Requirements, with_path: bool) -> Vec<Lack> {
        let path = ("path", Kind::Text(Some(255)));
        let path = with_path.then_some(path);
        let wanted = WANTED.into_iter().chain(path);
        let mut lacks: Vec<Lack> = wanted
            .filter_map(|(name, kind)| self.lack(table, name, kind, requirements))
            .collect();
        if !self.keeps_registrations() && requirements == Requirements::Warn {
            lacks.push(Lack {
                sentence: format!(
                    "table {table} cannot keep registrations: that takes regseconds, and \
                     ipaddr and port, or fullcontact. REGISTER is answered 503."
                ),
                ddl: None,
            });
        }
        lacks
    }

    fn lack(
        &self,
        table: &str,
        name: &str,
        kind: Kind,
        requirements: Requirements,
    ) -> Option<Lack> {
        let name = match name {
            "defaultuser" => self.user_column(),
            name => name,
        };
        let (what, add) = match self.column(name) {
            None => ("is missing; it is not written".to_owned(), true),
            Some(column) if fits(kind, column.kind) => return None,
            Some(column) => (format!("is {}, too narrow", told(column.kind)), false),
        };
        let wish = told(kind);
        let sentence =
            format!("table {table}: column {name} {what}. It should be {wish}, or wider.");
        let created = match requirements {
            Requirements::Warn => {
                return Some(Lack {
                    sentence,
                    ddl: None,
                });
            }
            Requirements::CreateClose => kind,
            Requirements::CreateChar => Kind::Text(Some(match kind {
                Kind::Text(Some(width)) => width,
                _ => 20,
            })),
        };
        Some(Lack {
            sentence,
            ddl: Some(Ddl {
                table: table.into(),
                column: name.into(),
                kind: created,
                add,
            }),
        })
    }
}

/// Whether what is wanted goes into what is there. A number goes into text that
/// is long enough for its digits; text goes into no number.
fn fits(wanted: Kind, there: Kind) -> bool {
    match (wanted, there) {
        (_, Kind::Other | Kind::Text(None)) => true,
        (Kind::Text(Some(wanted)), Kind::Text(Some(width))) => width >= wanted,
        (Kind::Text(None) | Kind::Other, Kind::Text(_)) => true,
        (Kind::Text(_) | Kind::Other, Kind::Integer { .. }) => false,
        (Kind::Integer { bytes, .. }, Kind::Text(Some(width))) => {
            width >= if bytes <= 2 { 5 } else { 10 }
        }
        (
            Kind::Integer {
                bytes: wanted,
                unsigned,
            },
            Kind::Integer {
                bytes,
                unsigned: there,
            },
        ) => bytes > wanted || (bytes == wanted && (unsigned == there || !unsigned)),
    }
}

fn told(kind: Kind) -> String {
    match kind {
        Kind::Text(Some(width)) => format!("VARCHAR({width})"),
        Kind::Text(None) => "text".into(),
        Kind::Integer { bytes, unsigned } => {
            let sign = if unsigned { " unsigned" } else { "" };
            format!("an integer of {bytes} bytes{sign}")
        }
        Kind::Other => "another type".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(columns: &[(&str, Kind)]) -> Shape {
        let column = |&(name, kind): &(&str, Kind)| Column {
            name: name.into(),
            kind,
        };
        Shape::new(columns.iter().map(column).collect())
    }

    fn full() -> Vec<(&'static str, Kind)> {
        WANTED.to_vec()
    }

    #[test]
    fn a_table_as_it_should_be_lacks_nothing() {
        assert_eq!(
            shape(&full()).lacks("sippeers", Requirements::Warn, false),
            []
        );
    }

    #[test]
    fn a_missing_column_is_one_line_and_no_change() {
        let mut columns = full();
        columns.retain(|(name, _)| *name != "lastms");
        let lacks = shape(&columns).lacks("sippeers", Requirements::Warn, false);
        assert_eq!(lacks.len(), 1);
        assert_eq!(
            lacks[0].sentence,
            "table sippeers: column lastms is missing; it is not written. \
             It should be an integer of 4 bytes, or wider."
        );
        assert_eq!(lacks[0].ddl, None);
    }

    #[test]
    fn a_narrow_column_is_told_and_widened_if_asked() {
        let mut columns = full();
        for (name, kind) in &mut columns {
            if *name == "ipaddr" {
                *kind = Kind::Text(Some(15));
            }
        }
        let lacks = shape(&columns).lacks("sippeers", Requirements::CreateClose, false);
        assert_eq!(lacks.len(), 1);
        let ddl = lacks[0].ddl.as_ref().unwrap();
        assert_eq!((&*ddl.column, ddl.add), ("ipaddr", false));
        assert_eq!(ddl.kind, Kind::Text(Some(45)));
    }

    #[test]
    fn createchar_makes_text_of_numbers() {
        let lacks = shape(&[]).lacks("sippeers", Requirements::CreateChar, true);
        assert_eq!(lacks.len(), 10);
        let kinds = lacks.iter().map(|lack| lack.ddl.as_ref().unwrap().kind);
        assert!(kinds.into_iter().all(|kind| matches!(kind, Kind::Text(_))));
    }

    #[test]
    fn numbers_go_into_text_and_wider_numbers() {
        let port = Kind::Integer {
            bytes: 2,
            unsigned: true,
        };
        let signed = |bytes| Kind::Integer {
            bytes,
            unsigned: false,
        };
        assert!(fits(port, Kind::Text(Some(5))));
        assert!(!fits(port, Kind::Text(Some(4))));
        assert!(fits(port, signed(4)));
        assert!(!fits(port, signed(2)));
        assert!(!fits(signed(4), port));
    }

    #[test]
    fn username_stands_in_for_defaultuser() {
        let shape = shape(&[("username", Kind::Text(Some(80)))]);
        assert_eq!(shape.user_column(), "username");
    }
}
