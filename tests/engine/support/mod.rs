//! What the tests share.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod defs;
pub(crate) mod faulty;
pub(crate) mod messages;
pub(crate) mod rig;
pub(crate) mod script;
