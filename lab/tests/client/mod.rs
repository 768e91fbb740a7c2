//! A small client on raw sockets, to compare the lab with what it says of itself. Each test binary
//! uses a part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod dns;
pub mod http;
pub mod judge;

use sortie_lab::{Behaviour, Lab, LabConfig, Mix};

/// The generated names that behave like that, from the first one on.
pub fn names_of(behaviour: Behaviour) -> impl Iterator<Item = String> {
    sortie_lab::names(0..u64::MAX).filter(move |name| Behaviour::of(name) == behaviour)
}

pub async fn start() -> Lab {
    Lab::start(LabConfig::default())
        .await
        .expect("the lab starts")
}

pub async fn start_with(mix: Mix) -> Lab {
    Lab::start(LabConfig::with_mix(mix))
        .await
        .expect("the lab starts")
}
