//! placeholder
/// A compiled dialplan.
pub struct Plan {}
