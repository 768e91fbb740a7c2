//! task-core
