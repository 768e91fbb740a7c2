//! The JSON Schemas of all stock definitions, one file for each. `TaskDefinition` asks for no
//! schema, so the types are named here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};
use sortie_task_defs::control::notify::*;
use sortie_task_defs::control::*;
use sortie_task_defs::data::*;
use sortie_task_defs::recon::*;
use sortie_task_defs::robots::*;
use sortie_task_defs::{scan, source};
use task_core::TaskDefinition;

/// The schemas of each definition, and of its rows where it has a type for them, by kind.
macro_rules! schemas {
    ($($definition:ty $(=> $row:ty)?),* $(,)?) => {
        BTreeMap::from([$((
            <$definition>::KIND,
            of::<$definition>([$(("row".to_owned(), written::<$row>()))?]),
        )),*])
    };
}

pub(crate) fn schemas() -> BTreeMap<&'static str, Value> {
    schemas![
        Conditional,
        Fail,
        SleepUntil,
        Count,
        Distinct,
        Filter,
        FilterByExpression,
        FilterByMembership,
        FilterByScope,
        GroupBy,
        InsertData,
        Merge,
        Partition => Part,
        Sample,
        ToFile,
        TopN,
        UpsertModels,
        ListModels => ListedModel<Value>,
        FilterByFreshness,
        RobotsGenerator,
        RobotsScan,
        RobotsAggregate,
        scan::Generate<scan::Dns>,
        scan::Scan<scan::Dns> => scan::DnsRecord,
        scan::Aggregate<scan::Dns>,
        scan::Generate<scan::TcpSyn>,
        scan::PortScan => scan::PortRow,
        scan::Aggregate<scan::TcpSyn>,
        scan::Generate<scan::Tls>,
        scan::Scan<scan::Tls> => scan::TlsRecord,
        scan::Aggregate<scan::Tls>,
        scan::Generate<scan::Http>,
        scan::Scan<scan::Http> => scan::HttpRecord,
        scan::Aggregate<scan::Http>,
        source::Fetch<source::Crtsh>,
        source::Fetch<source::Censys>,
        source::Fetch<source::Shodan>,
        GenericNotification,
        ErrorNotification,
        TaskResultNotification,
    ]
}

fn of<D: TaskDefinition<Output: JsonSchema> + JsonSchema>(
    row: impl IntoIterator<Item = (String, Value)>,
) -> Value {
    let input = schema::<D>(SchemaSettings::draft2020_12().for_deserialize());
    let mut all = Map::from_iter(row);
    all.insert("input".to_owned(), input);
    all.insert("output".to_owned(), written::<D::Output>());
    all.into()
}

/// What a task writes has the fields that a reader may leave out.
fn written<T: JsonSchema>() -> Value {
    schema::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with_transform(RecursiveTransform(readable));
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// A link of rustdoc: its text is one of the two groups.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[(`[^`]*`)\](?:\([^)]*\))?|\[([^\]]*)\]\([^)]*\)").unwrap());

/// Keeps the first paragraph of a description, without rustdoc's links; and leaves out the version
/// of the crate, which is part of some defaults.
fn readable(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let first = text.split("\n\n").next().unwrap_or_default();
        let first = first.replace('\n', " ");
        *text = LINK.replace_all(&first, "$1$2").into_owned();
    }
    if let Some(default) = schema.get_mut("default") {
        let agent = concat!("sortie/", env!("CARGO_PKG_VERSION"));
        let text = default.to_string().replace(agent, "sortie/<version>");
        *default = serde_json::from_str(&text).unwrap();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The files that are there, by kind.
fn files() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(folder()).into_iter().flatten();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let kind = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            (kind, serde_json::from_str(&text).unwrap_or_default())
        })
        .collect()
}

#[test]
fn every_definition_of_the_registry_has_a_schema() {
    let registry = sortie_task_defs::registry();
    let kinds = registry.iter().map(|task| task.kind);
    assert!(
        kinds.eq(schemas().into_keys()),
        "see `schemas` in this file"
    );
}

#[test]
fn the_files_of_the_schemas_are_those_of_the_types() {
    let schemas = schemas();
    if crate::overwrite() {
        std::fs::create_dir_all(folder()).unwrap();
        for kind in files()
            .keys()
            .filter(|kind| !schemas.contains_key(kind.as_str()))
        {
            std::fs::remove_file(folder().join(format!("{kind}.json"))).unwrap();
        }
        for (kind, schema) in &schemas {
            let text = format!("{schema:#}\n");
            std::fs::write(folder().join(format!("{kind}.json")), text).unwrap();
        }
    }
    let files = files();
    for (kind, schema) in &schemas {
        let same = files.get(*kind) == Some(schema);
        assert!(
            same,
            "schemas/{kind}.json is stale; see the head of DEFINITIONS.md"
        );
    }
    for kind in files.keys() {
        assert!(
            schemas.contains_key(kind.as_str()),
            "schemas/{kind}.json is of no definition"
        );
    }
}
