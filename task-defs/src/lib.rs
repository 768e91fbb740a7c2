//! task-defs
