//! extconfig.conf and the drivers' files it refers to, read together into a
//! [`Mapping`]. It connects to nothing.

use std::path::Path;

use super::extconfig::{self, DriverName, Line};
use super::file::{self, ConfigError, Disk, Warning};
use super::{mysql, sqlite};
use crate::realtime::mapping::{Family, Mapping, Place, Section};

/// Reads extconfig.conf of a directory, and the files of the drivers it names.
/// Without it there is no database.
pub(super) fn load(
    dir: &Path,
    disk: &Disk,
    warnings: &mut Vec<Warning>,
) -> Result<Mapping, ConfigError> {
    let path = dir.join("extconfig.conf");
    if !path.exists() {
        return Ok(Mapping::default());
    }
    let lines = extconfig::read(&file::load(disk, &path)?, warnings)?;
    let mut known = Vec::new();
    if lines.iter().any(|line| line.driver == DriverName::Mysql) {
        let path = dir.join(DriverName::Mysql.file());
        let sections = mysql::read(&file::load(disk, &path)?, warnings)?;
        known.extend(sections.into_iter().map(Section::Mysql));
    }
    if lines.iter().any(|line| line.driver == DriverName::Sqlite) {
        let path = dir.join(DriverName::Sqlite.file());
        let sections = sqlite::read(&file::load(disk, &path)?, dir, warnings)?;
        known.extend(sections.into_iter().map(Section::Sqlite));
    }
    map(&lines, &known)
}

/// The mapping of lines that are in the order of their priorities, with those
/// of the `known` sections that they refer to.
fn map(lines: &[Line], known: &[Section]) -> Result<Mapping, ConfigError> {
    let mut mapping = Mapping::default();
    for line in lines {
        let place = Place {
            read_section: section(&mut mapping, known, line, &line.read)?,
            write_section: section(&mut mapping, known, line, &line.write)?,
            table: line.table.clone(),
        };
        let mut families = mapping.families.iter_mut();
        match families.find(|family| family.name == line.family) {
            Some(family) => family.places.push(place),
            None => mapping.families.push(Family {
                name: line.family.clone(),
                places: vec![place],
            }),
        }
    }
    Ok(mapping)
}

/// The index of a section a line refers to.
fn section(
    mapping: &mut Mapping,
    known: &[Section],
    line: &Line,
    name: &str,
) -> Result<usize, ConfigError> {
    let is_meant = |section: &Section| line.driver.is_of(section) && section.name() == name;
    if let Some(index) = mapping.sections.iter().position(is_meant) {
        return Ok(index);
    }
    let Some(section) = known.iter().find(|section| is_meant(section)) else {
        let text = format!(
            "the database of {} is [{name}], a section that {} has not. Write it there, or name one that it has.",
            line.family,
            line.driver.file()
        );
        return Err(ConfigError::new(&line.at, text));
    };
    mapping.sections.push(section.clone());
    Ok(mapping.sections.len() - 1)
}

#[cfg(test)]
mod tests;
