//! A configuration file whose lines are rows of a table (`ast_config`, static
//! realtime). It makes of them what the file layer makes of lines; reading the
//! rows is the caller's matter.

use super::file::{Category, ConfigError, Entry, File, Position, Warning};

/// A row of such a table. Field names are the columns'.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// The row's number.
    pub id: i64,
    /// Categories of a name stand in falling order of this.
    pub cat_metric: i64,
    /// Lines of a category stand in rising order of this.
    pub var_metric: i64,
    /// The file it is a line of.
    pub filename: String,
    /// `[category]`.
    pub category: String,
    /// Left of the `=`.
    pub var_name: String,
    /// Right of it.
    pub var_val: String,
    /// Whether it is not to be read.
    pub commented: bool,
}

impl Row {
    /// From a row whose columns `value` finds by name; `Err` names the column
    /// that is missing or no number.
    pub fn of<'r>(value: impl Fn(&str) -> Option<&'r str>) -> Result<Row, String> {
        let text = |column: &str| {
            let found = value(column).map(String::from);
            found.ok_or_else(|| format!("a row has no {column}"))
        };
        let number = |column: &str| {
            let text = value(column).unwrap_or("0").trim();
            let wrong = |_| format!("the {column} '{text}' of a row is no number");
            text.parse::<i64>().map_err(wrong)
        };
        Ok(Row {
            id: number("id")?,
            cat_metric: number("cat_metric")?,
            var_metric: number("var_metric")?,
            filename: text("filename")?,
            category: text("category")?,
            var_name: text("var_name")?,
            var_val: value("var_val").unwrap_or_default().into(),
            commented: number("commented")? != 0,
        })
    }
}

/// The file called `name`, of the rows of `table` that are its. `include` reads
/// what an `#include` row names.
pub(super) fn file(
    name: &str,
    table: &str,
    mut rows: Vec<Row>,
    include: impl Fn(&str) -> Result<File, ConfigError>,
) -> Result<File, ConfigError> {
    rows.retain(|row| row.filename == name && !row.commented);
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut file = File::default();
    if rows.is_empty() {
        let whole = Position {
            file: table.into(),
            line: 0,
        };
        let text = format!("no row is a line of {name}. Is its column filename '{name}'?");
        file.warnings.push(Warning::new(&whole, text));
    }
    let mut open: Option<(String, i64)> = None;
    for row in rows {
        let at = Position {
            file: format!("{table}:id {}", row.id).into(),
            line: 0,
        };
        if row.var_name == "#include" {
            let included = include(&row.var_val)
                .map_err(|error| ConfigError::new(&at, format!("the included {error}")))?;
            file.categories.extend(included.categories);
            file.warnings.extend(included.warnings);
            open = None;
            continue;
        }
        let place = (row.category, row.cat_metric);
        if open.as_ref() != Some(&place) {
            file.categories.push(Category {
                name: place.0.clone(),
                template: false,
                entries: Vec::new(),
                at: at.clone(),
            });
            open = Some(place);
        }
        if let Some(category) = file.categories.last_mut() {
            category.entries.push(Entry {
                key: row.var_name.trim().into(),
                value: row.var_val.trim().into(),
                at,
            });
        }
    }
    Ok(file)
}

/// The order of Asterisk's statement: `category, cat_metric DESC, var_metric,
/// var_name, var_val, id`.
fn order(row: &Row) -> impl Ord + '_ {
    (
        &row.category,
        std::cmp::Reverse(row.cat_metric),
        row.var_metric,
        &row.var_name,
        &row.var_val,
        row.id,
    )
}

#[cfg(test)]
mod tests;
