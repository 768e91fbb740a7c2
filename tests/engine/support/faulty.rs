//! Ports that fail when they are told to.
