//! The models: their relations, those of users, and a restart.

use serde_json::json;
use sortie::core::recon::{Field, Filter, Model, Query};
use sortie::defs::recon::{Certificate, Domain, Endpoint, Target, WebDocument, models as stock};
use sortie::prelude::*;

use crate::support::{engines, models, runs, upserted, upserts};

#[tokio::test]
async fn relations_are_followed() {
    for engine in engines().await {
        let endpoints = vec![
            json!({"address": "192.0.2.1", "port": 443, "transport": "tcp", "names": ["a.example"]}),
            json!({"address": "192.0.2.1", "port": 443, "transport": "tcp", "names": ["b.example"]}),
            json!({"address": "192.0.2.2", "port": 80, "transport": "tcp", "names": ["b.example"]}),
        ];
        runs(&engine, upserts("endpoint", endpoints)).await;
        let hash = "ab".repeat(32);
        let certificates = vec![
            json!({"sha256": hash, "names": ["a.example", "*.b.example"], "not_after": 5}),
            json!({"serial": "1f", "issuer": "CN=A", "names": ["c.example"]}),
        ];
        runs(&engine, upserts("certificate", certificates)).await;

        let of = |name: &str| Query::all().filter(Filter::refers_to("domain", name));
        let ports = async |name| {
            let found = models::<Endpoint>(&engine, of(name)).await;
            found.iter().map(|seen| seen.model.port).collect::<Vec<_>>()
        };
        assert_eq!(ports("a.example").await, [443]);
        assert_eq!(ports("b.example").await, [443, 80]);
        let found = models::<Certificate>(&engine, of("b.example")).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].model.sha256.as_deref(), Some(hash.as_str()));
        let found = models::<Certificate>(&engine, of("c.example")).await;
        assert_eq!(found[0].model.key(), "1f CN=A");
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn every_stock_model_is_stored_and_read_again() {
    for engine in engines().await {
        let target: Target = "198.51.100.7/24".parse().unwrap();
        store(&engine, "target", &target).await;
        let mut domain = Domain::new("www.example".parse().unwrap());
        domain.addresses = Some(vec![
            "192.0.2.1".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
        ]);
        domain.cname = Some("example".parse().unwrap());
        store(&engine, "domain", &domain).await;
        let document = WebDocument {
            url: format!("https://www.example/{}", "é".repeat(600)),
            status: Some(200),
            length: Some(7),
            ..WebDocument::default()
        };
        store(&engine, "web_document", &document).await;
        engine.shutdown().await;
    }
}

async fn store<M: Model + PartialEq + std::fmt::Debug>(engine: &Engine, name: &str, model: &M) {
    let run = runs(
        engine,
        upserts(name, vec![serde_json::to_value(model).unwrap()]),
    )
    .await;
    assert_eq!(upserted(&run).await.changes.inserted, 1);
    let found = models::<M>(engine, Query::all()).await;
    assert_eq!(found.len(), 1);
    assert_eq!(&found[0].model, model);
    assert_eq!(found[0].model.key(), model.key());
}

#[derive(Debug, Serialize, Deserialize)]
struct Bucket {
    name: String,
    public: Option<bool>,
}

impl Model for Bucket {
    const NAME: &'static str = "bucket";
    const FIELDS: &'static [Field] = &[Field::text("name"), Field::boolean("public")];

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// A task of one's own that writes models itself.
#[derive(Serialize, Deserialize)]
struct Look {
    buckets: Vec<String>,
}

impl TaskDefinition for Look {
    const KIND: &'static str = "test.look";
    type Requires = needs![ReconDataAccess];
    type Output = u64;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u64, TaskError> {
        let bucket = |name| Bucket {
            name,
            public: Some(true),
        };
        let buckets: Vec<Bucket> = self.buckets.into_iter().map(bucket).collect();
        let changes = cx.recon().upsert(&buckets).await?;
        assert!(cx.recon().get::<Bucket>("nobody").await?.is_none());
        Ok(changes.inserted)
    }
}

#[tokio::test]
async fn models_of_users_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let registry = sortie::defs::registry().merge(registry![Look]).unwrap();
        let models = stock().with::<Bucket>().unwrap();
        let engine = Engine::embedded(registry)
            .at(folder.path())
            .resource(models);
        engine.start().await.unwrap()
    };
    let engine = start().await;
    let buckets = (0..2500).map(|n| format!("bucket-{n}")).collect();
    let run = runs(
        &engine,
        Workflow::new("look").task("look", Look { buckets }),
    )
    .await;
    assert_eq!(run.result::<u64>("look").await.unwrap(), Some(2500));
    drop(run);
    engine.shutdown().await;

    let engine = start().await;
    let public = Query::all().filter(Filter::equals("public", true));
    assert_eq!(engine.count_models::<Bucket>(&public).await.unwrap(), 2500);
    // By name, from rows, like those in stock.
    let rows = vec![
        json!({"name": "bucket-7", "public": false}),
        json!({"name": "other"}),
    ];
    let run = runs(&engine, upserts("bucket", rows)).await;
    let changes = upserted(&run).await.changes;
    assert_eq!((changes.inserted, changes.changed), (1, 1));
    assert_eq!(engine.count_models::<Bucket>(&public).await.unwrap(), 2499);
    engine.shutdown().await;
}
