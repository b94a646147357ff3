//! Asterisk-style files, read and checked into `pinion_sip::config::Config`.
//!
//! `file` knows lines and categories, and nothing of their meaning; the other
//! modules know the meaning, and nothing of comments, templates or includes.

mod builtin;
pub mod extensions;
pub mod file;
pub mod sip;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinion_sip::config::{Config, Peers};
use pinion_sip::dialplan::Plan;

use self::file::{ConfigError, Position, Warning};
use self::sip::Sip;

pub use self::builtin::builtin;

/// A configuration ready to run with.
pub struct Loaded {
    /// What every shard shares.
    pub config: Config,
    /// Where to listen for UDP; never empty.
    pub listen: Vec<SocketAddr>,
    /// What was accepted but will surprise, in the order of the files.
    pub warnings: Vec<Warning>,
}

impl Loaded {
    fn new(sip: Sip, plan: Plan, plan_warnings: Vec<Warning>) -> Loaded {
        let config = Config {
            peers: Peers::for_realm(&sip.general.realm, sip.peers),
            general: sip.general,
            plan: Arc::new(plan),
        };
        let mut warnings = sip.warnings;
        warnings.extend(plan_warnings);
        Loaded {
            config,
            listen: sip.listen,
            warnings,
        }
    }
}

/// Reads `sip.conf` and `extensions.conf` of a directory. Blocks: names of
/// hosts are resolved now, once. Nothing is changed by a failure, so a reload
/// may keep what it has.
pub fn load_dir(dir: &Path) -> Result<Loaded, ConfigError> {
    let sip_path = present(dir, "sip.conf")?;
    let extensions_path = present(dir, "extensions.conf")?;
    let sip = sip::read(&file::load(&sip_path)?, sip::system_resolver)?;
    let (plan, warnings) = extensions::load_extensions(&extensions_path)?;
    Ok(Loaded::new(sip, plan, warnings))
}

/// The path of a file, if there is one.
fn present(dir: &Path, name: &str) -> Result<PathBuf, ConfigError> {
    let path = dir.join(name);
    if path.exists() {
        return Ok(path);
    }
    let at = Position {
        file: path.to_string_lossy().into(),
        line: 0,
    };
    let text = format!(
        "there is no such file. Copy examples/{name} of the source tree there to begin with."
    );
    Err(ConfigError::new(&at, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
    }

    #[test]
    fn the_examples_load_without_a_warning() {
        let loaded = load_dir(&examples()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.listen, ["0.0.0.0:5060".parse().unwrap()]);
        for name in ["1001", "1002", "1003", "trunk"] {
            assert!(
                loaded.config.peers.by_name(name.as_bytes()).is_some(),
                "{name}"
            );
        }
        assert!(
            loaded.config.peers.by_name(b"phone").is_none(),
            "a template is no device"
        );
        for peer in loaded.config.peers.iter() {
            let context = loaded.config.plan.context(&peer.context);
            assert!(
                context.is_some(),
                "[{}] calls from {}",
                peer.name,
                peer.context
            );
        }
    }

    #[test]
    fn a_missing_file_is_named_with_a_way_out() {
        let refusal = |dir: &Path| load_dir(dir).err().unwrap().to_string();
        let nowhere = Path::new("/nonexistent");
        assert_eq!(
            refusal(nowhere),
            "/nonexistent/sip.conf: there is no such file. Copy examples/sip.conf of the source tree there to begin \
             with."
        );
    }

    #[test]
    fn extensions_conf_is_missed_as_well() {
        let dir = std::env::temp_dir().join(format!("pinion-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("sip.conf"), "[general]\n").unwrap();
        let refusal = load_dir(&dir).err().unwrap().to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        let expected = format!("{}/extensions.conf: there is no such file.", dir.display());
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}
