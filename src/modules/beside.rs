//! Modules beside the shards: a switch each, which whoever does the work looks
//! at each time.

use std::sync::atomic::{AtomicBool, Ordering};

macro_rules! beside {
    ($($module:ident $name:literal $summary:literal)*) => {
        /// A module that shards know nothing of.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Beside {
            $(#[doc = $summary] $module,)*
        }

        impl Beside {
            /// All of them.
            pub const ALL: &[Beside] = &[$(Beside::$module,)*];

            /// What operators call it, without `.so`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Beside::$module => $name,)*
                }
            }

            /// What it is, in a few words.
            pub fn summary(self) -> &'static str {
                match self {
                    $(Beside::$module => $summary,)*
                }
            }
        }
    };
}

beside! {
    CdrCsv "cdr_csv" "Records of calls in Master.csv"
    CdrJson "cdr_json" "Records of calls as lines of JSON"
    CdrTable "cdr_mysql" "Records of calls in a table"
    Http "res_http" "Tables and a page for browsers"
    Metrics "res_prometheus" "Metrics for Prometheus"
    Mysql "res_config_mysql" "Realtime rows in MySQL or MariaDB"
    Sqlite "res_config_sqlite3" "Realtime rows in SQLite"
}

/// Which of them are loaded. One value for all who work and all who switch.
#[derive(Debug)]
pub struct Switches([AtomicBool; Beside::ALL.len()]);

impl Default for Switches {
    /// All are.
    fn default() -> Switches {
        Switches([const { AtomicBool::new(true) }; Beside::ALL.len()])
    }
}

impl Switches {
    /// Whether a module is loaded.
    pub fn is_on(&self, module: Beside) -> bool {
        self.0[module as usize].load(Ordering::Relaxed)
    }

    /// Loads or unloads a module.
    pub fn set(&self, module: Beside, on: bool) {
        self.0[module as usize].store(on, Ordering::Relaxed);
    }
}
