//! Which side of a border is kept.

use serde::{Deserialize, Serialize};

/// Which rows are kept: those inside, or the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Those inside.
    #[default]
    In,
    /// The others.
    Out,
}

impl Side {
    /// Whether something that is `inside`, or not, is on this side.
    pub(super) fn keeps(self, inside: bool) -> bool {
        inside == (self == Self::In)
    }
}
