//! The wire form of every stock definition and of what it returns. A changed snapshot is a
//! conscious act: messages of the old form may be under way, so raise `VERSION` and write an
//! `upgrade`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

/// Holds a value against its golden sample: the file of that name in `snapshots`.
macro_rules! golden {
    ($name:expr, $value:expr $(,)?) => {
        insta::with_settings!({prepend_module_to_snapshot => false}, {
            insta::assert_json_snapshot!($name, $value);
        })
    };
}

mod control;
mod data;
mod recon;
#[cfg(feature = "robots")]
mod robots;
#[cfg(feature = "scan")]
mod scan;
#[cfg(feature = "sources")]
mod sources;

use sortie_task_defs::data::Pointer;

fn at(pointer: &str) -> Pointer {
    pointer.parse().unwrap()
}
