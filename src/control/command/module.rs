//! `module …`: the parts of the engine, and which of them are loaded.

use super::reload::bring;
use super::{Command, Wrong};
use crate::config::Parts;
use crate::control::house::House;
use crate::control::out::{Column, Out};
use crate::modules::{self, Manner, Status};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "module load",
        arguments: "MODULE",
        summary: "Load a module, with its file as it is now",
        run: load,
    },
    Command {
        words: "module reload",
        arguments: "[MODULE]",
        summary: "Go by the file of a module, or by all files, as they are now",
        run: reload,
    },
    Command {
        words: "module show",
        arguments: "[like TEXT]",
        summary: "The modules, and what uses them",
        run: show,
    },
    Command {
        words: "module unload",
        arguments: "MODULE ... [when-idle|drain SECONDS|now]",
        summary: "Unload modules that nothing uses; or say what becomes of what does",
        run: unload,
    },
];

fn show(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 5] = [
        Column::left("Module", "name", 30),
        Column::left("Description", "description", 40),
        Column::left("Use Count", "use_count", 10),
        Column::left("Status", "status", 11),
        Column::right("Support Level", "support_level", 13),
    ];
    let like = match arguments {
        [] => "",
        ["like", text] => text,
        _ => return Err(Wrong::Usage),
    };
    let like = like.to_ascii_lowercase();
    let mut rows = house.modules.rows(house);
    rows.retain(|row| format!("{}.so", row.module.name()).contains(&like));
    let mut table = out.table("modules", &COLUMNS)?;
    for row in &rows {
        table.row(&[
            format!("{}.so", row.module.name()).into(),
            row.module.summary().into(),
            i64::from(row.use_count).into(),
            row.status.as_str().into(),
            "core".into(),
        ])?;
    }
    table.end()?;
    let loaded = rows.iter().filter(|row| row.status != Status::NotRunning);
    Ok(out.remark(&format!("{} modules loaded", loaded.count()))?)
}

fn load(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [name] = arguments else {
        return Err(Wrong::Usage);
    };
    let loaded = modules::named(name).and_then(|module| house.modules.load(house, module));
    let said = match loaded {
        Ok(()) => out.line(format!("Loaded {name}")),
        Err(reason) => out.fail(format!("Unable to load module {name}: {reason}")),
    };
    Ok(said?)
}

fn unload(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (names, manner) = Manner::split(arguments).ok_or(Wrong::Usage)?;
    let modules: Result<Vec<_>, String> = names.iter().map(|name| modules::named(name)).collect();
    let unloaded = modules.and_then(|modules| house.modules.unload(house, &modules, manner));
    let said = match unloaded {
        Ok(said) => out.line(said),
        Err(reason) => out.fail(format!(
            "Unable to unload resource {}: {reason}",
            names.join(" ")
        )),
    };
    Ok(said?)
}

fn reload(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let name = match arguments {
        [] => return bring(house, Parts::ALL, false, out),
        [name] => name,
        _ => return Err(Wrong::Usage),
    };
    let module = match modules::named(name) {
        Ok(module) => module,
        Err(sentence) => return Ok(out.fail(sentence)?),
    };
    let missing = house.settings().config.general.missing;
    if house.modules.status(missing, module) == Status::NotRunning {
        return Ok(out.fail(format!("No such module '{name}': it is not loaded"))?);
    }
    match module.parts() {
        Some(parts) => bring(house, parts, false, out),
        None => Ok(out.line(format!("{name} has no file of its own"))?),
    }
}
