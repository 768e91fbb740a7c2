//! The DNS server: every name is answered, over UDP and TCP.

mod message;
mod server;

pub(crate) use server::{serve_tcp, serve_udp};
