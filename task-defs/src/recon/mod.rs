//! Recon data: the stock models, and the tasks that read and write models.
//!
//! | model | key | refers to |
//! |---|---|---|
//! | [`Target`] | the domain or network | |
//! | [`Domain`] | the name | the target it belongs to, the name it stands for |
//! | [`Endpoint`] | carrier, address, port | the domains on it, its certificates |
//! | [`Certificate`] | its hash, else issuer and serial number | the domains that it vouches for |
//! | [`WebDocument`] | the URL | its domain, its endpoint |
//!
//! Fields that a source does not know are absent, and say nothing; see
//! [`task_core::recon`] for how observations merge. Models of your own stand beside these: give
//! the worker all of them.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use task_core::recon::{Field, Model};
//! # #[derive(Serialize, Deserialize)]
//! # struct Bucket { name: String }
//! # impl Model for Bucket {
//! #     const NAME: &'static str = "bucket";
//! #     const FIELDS: &'static [Field] = &[Field::text("name")];
//! #     fn key(&self) -> String { self.name.clone() }
//! # }
//! use sortie_task_defs::recon::models;
//! use task_core::Resources;
//!
//! let resources = Resources::new().with(models().with::<Bucket>()?);
//! # Ok::<(), task_core::recon::ModelError>(())
//! ```

mod carrier;
mod certificate;
mod domain;
mod endpoint;
mod filter_by_freshness;
mod list_models;
mod target;
mod upsert_models;
mod web_document;

pub use carrier::Carrier;
pub use certificate::Certificate;
pub use domain::Domain;
pub use endpoint::{Endpoint, PortState};
pub use filter_by_freshness::FilterByFreshness;
pub use list_models::{Here, ListModels, ListedModel};
pub use target::{InvalidTarget, Target, TargetKind};
pub use upsert_models::{BadRows, UpsertModels, Upserted};
pub use web_document::WebDocument;

use std::sync::Arc;

use task_core::TaskContext;
use task_core::recon::Models;

/// The stock models, by name.
pub fn models() -> Models {
    let stock = Models::new()
        .with::<Target>()
        .and_then(Models::with::<Domain>)
        .and_then(Models::with::<Endpoint>)
        .and_then(Models::with::<Certificate>)
        .and_then(Models::with::<WebDocument>);
    // Five names that differ and are well formed; a test says so.
    stock.unwrap_or_default()
}

/// The models that the worker knows; the stock ones if it was given none.
fn known<R>(cx: &TaskContext<R>) -> Arc<Models> {
    cx.resources().get_or_init(models)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_stock_models_are_sound() {
        let names: Vec<&str> = super::models().iter().map(|m| m.schema().model).collect();
        let expected = [
            "certificate",
            "domain",
            "endpoint",
            "target",
            "web_document",
        ];
        assert_eq!(names, expected);
    }
}
