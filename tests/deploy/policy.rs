//! The policies, as Terraform reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A statement of a policy, without its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) effect: String,
    pub(crate) actions: BTreeSet<String>,
    /// With the names of what Terraform fills in: `${bucket}/plans/*` is `bucket/plans/*`.
    pub(crate) resources: BTreeSet<String>,
    pub(crate) has_conditions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Raw {
    sid: String,
    effect: String,
    action: OneOrMany,
    resource: OneOrMany,
    condition: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The folder `deploy` of this checkout.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// All statements, by policy and name.
pub(crate) fn statements() -> BTreeMap<(String, String), Statement> {
    let policies = folder().join("terraform/roles/policies");
    let mut all = BTreeMap::new();
    for entry in policies.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let policy = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let document: Document = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for raw in document.statement {
            let statement = Statement {
                effect: raw.effect,
                actions: raw.action.set(),
                resources: raw.resource.set(),
                has_conditions: raw.condition.is_some(),
            };
            let twin = all.insert((policy.clone(), raw.sid.clone()), statement);
            assert!(twin.is_none(), "{policy} has two statements {}", raw.sid);
        }
    }
    all
}

impl OneOrMany {
    fn set(self) -> BTreeSet<String> {
        let all = match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        };
        let plain = |text: String| text.replace("${", "").replace('}', "");
        all.into_iter().map(plain).collect()
    }
}
