use std::time::Duration;

use serde_json::json;
use sortie_task_defs::recon::{
    FilterByFreshness, Here, ListModels, ListedModel, UpsertModels, Upserted,
};
use task_core::Timestamp;
use task_core::recon::{Changes, Filter as Models, Order as By, Query};

use crate::at;

#[test]
fn recon() {
    let upsert = UpsertModels::new("domain", "found").each(at("/domains"));
    golden!("recon.upsert", upsert.skip_bad_rows());
    let changes = Changes {
        inserted: 1,
        changed: 2,
        unchanged: 3,
    };
    let upserted = Upserted {
        changes,
        skipped: 4,
    };
    golden!("recon.upsert.output", upserted);
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let query = Query::all()
        .filter(Models::KeyIn(vec!["a.example".to_owned()]))
        .filter(Models::equals("port", 443))
        .filter(Models::OneOf(
            "state".to_owned(),
            vec!["open".into(), true.into()],
        ))
        .filter(Models::Any(vec![
            Models::Below("port".to_owned(), 1024.into()),
            Models::Not(Box::new(Models::Has("title".to_owned()))),
        ]))
        .filter(Models::refers_to("domain", "a.example"))
        .filter(Models::FoundIn(id.parse().unwrap()))
        .filter(Models::SeenSince(Timestamp::from_millis(5)))
        .order(By::Field("port".to_owned()))
        .descending();
    let list = ListModels::new("endpoint")
        .query(query)
        .only(Here::FoundOrChanged)
        .limit(10);
    golden!("recon.list", list);
    let row = ListedModel {
        key: "a.example".to_owned(),
        model: json!({"name": "a.example"}),
        first_seen: Timestamp::from_millis(1),
        last_seen: Timestamp::from_millis(2),
        changed_at: Timestamp::from_millis(1),
        found_here: true,
    };
    golden!("recon.list.row", row);
    let fresh = FilterByFreshness::new("domain", "names", Duration::from_secs(60));
    golden!("recon.filter_by_freshness", fresh.each(at("/name")));
}
