//! `[general]` of extensions.conf, as far as it is about the plan and not
//! about the calls in it.

/// What a plan's keeper goes by. No call asks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct General {
    /// `static=`: whether the plan may be written back to its file, unless
    /// `writeprotect` forbids it.
    pub is_static: bool,
    /// `writeprotect=`.
    pub writeprotect: bool,
    /// `clearglobalvars=`: whether a new plan begins with its own globals
    /// alone, rather than with what calls have set, too.
    pub clearglobalvars: bool,
    /// `userscontext=`: the context of the extensions that users.conf makes.
    pub userscontext: Box<str>,
    /// `environment=`: the variables of the environment that calls may see by
    /// `ENV`.
    pub environment: Vec<Box<str>>,
}

impl Default for General {
    fn default() -> General {
        General {
            is_static: false,
            writeprotect: false,
            clearglobalvars: false,
            userscontext: "default".into(),
            environment: Vec::new(),
        }
    }
}
