//! How far each life may get: every kind of task is in the middle of its work when some of the
//! blows fall, and none but the last life can end the run.

use std::future::pending;

use crate::KILLS;
use crate::workflow::CHILDREN;

/// From this life on all children may have been created, ...
const CREATED: u32 = KILLS / 2;
/// ... may have ended, ...
const ENDED: u32 = KILLS - 40;
/// ... and may have been read.
const READ: u32 = KILLS - 15;

/// What holds tasks back, by the number of the life, from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leash(pub(crate) u32);

impl Leash {
    /// Children that may be created.
    pub(crate) fn children(self) -> u32 {
        share(self.0, CREATED)
    }

    /// Waits for ever if it is not yet the turn of this child.
    pub(crate) async fn child(self, child: u32) {
        self.hold(child < share(self.0, ENDED)).await;
    }

    /// Waits for ever if the rows may not yet have been read to their end.
    pub(crate) async fn reader(self) {
        self.hold(self.0 >= READ).await;
    }

    /// Waits for ever if the run may not end.
    pub(crate) async fn end(self) {
        self.hold(self.0 >= KILLS).await;
    }

    async fn hold(self, may_pass: bool) {
        if !may_pass {
            pending::<()>().await;
        }
    }
}

fn share(life: u32, all_from: u32) -> u32 {
    CHILDREN.min(CHILDREN * (life + 1) / all_from)
}
