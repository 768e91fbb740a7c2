//! Reading what is known.

use std::cmp::Ordering;
use std::slice::from_ref;

use super::Subject;
use super::fixture::{Stock, Thing, all, clears, model, observers, sees};
use crate::conformance::store::fixture::at;
use crate::ports::recon::ReconError;
use crate::ports::store::Task;
use crate::recon::{Filter, Model, ModelError, ModelRow, Order, Query, Value};

/// Things with every kind of gap, and texts that are hard on a database.
fn things() -> Vec<Thing> {
    let texts = [
        "", "a", "ab", "abc", "A", "b%", "b_", "b\\", "'; --", "\"", "ä", "äb", "💥", "💥b", "z",
    ];
    let mut things = Vec::new();
    for n in 0..60_usize {
        let mut thing = Thing::called(&format!("{}-{n}", texts[n % texts.len()]));
        thing.text = (n % 4 != 0).then(|| texts[n % texts.len()].to_owned());
        thing.number = (n % 3 != 0).then(|| [0, -1, 7, i64::MAX, i64::MIN, 7][n % 6]);
        thing.flag = [None, Some(false), Some(true)][n % 3];
        thing.list =
            (n % 5 != 0).then(|| texts.iter().take(n % 7).map(|t| (*t).to_owned()).collect());
        thing.owner = (n % 2 == 0).then(|| format!("owner {}", n % 6));
        things.push(thing);
    }
    things
}

async fn filled(subject: &Subject) -> Vec<Task> {
    let tasks = observers(subject).await;
    for (n, thing) in things().into_iter().enumerate() {
        let when = at((n as u64 * 7) % 11);
        let stock = Stock(thing.clone());
        sees(subject, &tasks[n % 3], when, from_ref(&thing)).await;
        sees(subject, &tasks[n % 3], when, from_ref(&stock)).await;
        // Of some, what they lack is known to be lacking.
        let lacks = [
            ("text", thing.text.is_none()),
            ("number", thing.number.is_none()),
            ("flag", thing.flag.is_none()),
            ("list", thing.list.is_none()),
            ("owner", thing.owner.is_none()),
        ];
        let lacks = lacks.into_iter().filter(|(_, lacks)| *lacks && n % 2 == 0);
        let lacks: Vec<&str> = lacks.map(|(name, _)| name).collect();
        clears(subject, &tasks[n % 3], when, &thing, &lacks).await;
        clears(subject, &tasks[n % 3], when, &stock, &lacks).await;
    }
    tasks
}

fn filters(tasks: &[Task]) -> Vec<Filter> {
    let text = |text: &str| Value::from(text);
    let list = |name: &str, values: &[&str]| {
        Filter::OneOf(
            name.into(),
            values.iter().map(|value| text(value)).collect(),
        )
    };
    let mut filters = vec![
        Filter::KeyIn(vec!["a-1".into(), "'; ---8".into(), "nobody".into()]),
        Filter::KeyIn(Vec::new()),
        Filter::Has("list".into()),
        Filter::equals("flag", true),
        Filter::equals("flag", false),
        Filter::equals("number", 7),
        Filter::equals("number", i64::MAX),
        Filter::equals("list", "b%"),
        Filter::equals("list", "nothing"),
        list("text", &["a", "💥", "'; --"]),
        list("text", &[]),
        list("list", &["abc", "z"]),
        Filter::OneOf("number".into(), vec![7.into(), i64::MIN.into()]),
        Filter::OneOf("flag".into(), vec![true.into()]),
        Filter::Below("number".into(), 7.into()),
        Filter::AtLeast("number".into(), 7.into()),
        Filter::Below("text".into(), text("b")),
        Filter::AtLeast("text".into(), text("ä")),
        Filter::AtLeast("flag".into(), true.into()),
        Filter::refers_to("owner", "owner 2"),
        Filter::refers_to("domain", "A"),
        Filter::refers_to("domain", "nothing"),
        Filter::RefersTo {
            model: "domain".into(),
            key: "abc".into(),
            field: Some("list".into()),
        },
        Filter::SeenSince(at(5)),
        Filter::FoundSince(at(10)),
        Filter::FoundIn(tasks[0].head.collection),
        Filter::ChangedIn(tasks[0].head.collection),
        Filter::FoundIn(crate::conformance::store::fixture::collection_id(99)),
        Filter::FoundBy(tasks[1].head.id),
        Filter::All(Vec::new()),
        Filter::Any(Vec::new()),
    ];
    for value in ["", "a", "b%", "_", "ä", "💥", "longer than all of them"] {
        filters.push(Filter::equals("text", value));
        filters.push(Filter::StartsWith("text".into(), value.into()));
        filters.push(Filter::EndsWith("text".into(), value.into()));
    }
    let not: Vec<Filter> = filters
        .iter()
        .map(|filter| Filter::Not(Box::new(filter.clone())))
        .collect();
    let pairs: Vec<Filter> = filters
        .windows(2)
        .flat_map(|pair| [Filter::Any(pair.to_vec()), Filter::All(pair.to_vec())])
        .collect();
    let neither = pairs.iter().map(|pair| Filter::Not(Box::new(pair.clone())));
    let neither: Vec<Filter> = neither.collect();
    [filters, not, pairs, neither].concat()
}

fn expected<'r, M: Model>(rows: &'r [ModelRow], query: &Query) -> Vec<&'r str> {
    let schema = M::schema();
    let sort = query.check(&schema).expect("the suite's queries fit");
    let mut found: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let members = row.members(&schema).expect("a body is an object");
            let position = sort.position(row, &members);
            query
                .admits(row, &members, &schema)
                .then_some((position, row))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| query.compare(sort, a, b));
    found.iter().map(|(_, row)| row.key.as_str()).collect()
}

/// Every filter, alone, turned round, and with another one, finds the rows of which it holds.
pub async fn queries_find_what_they_ask_for(subject: &Subject) {
    let tasks = filled(subject).await;
    find::<Thing>(subject, &tasks).await;
    find::<Stock>(subject, &tasks).await;
}

async fn find<M: Model>(subject: &Subject, tasks: &[Task]) {
    let rows = all::<M>(subject, &Query::all()).await;
    assert_eq!(rows.len(), things().len(), "all of `{}`", M::NAME);
    let mut some = 0;
    for filter in filters(tasks) {
        let query = Query::all().filter(filter);
        let found = all::<M>(subject, &query).await;
        let keys: Vec<&str> = found.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, expected::<M>(&rows, &query), "{:?}", query.filters);
        let count = subject.recon.count(&M::schema(), &query).await;
        assert_eq!(
            count.expect("rows are counted"),
            keys.len() as u64,
            "{query:?}"
        );
        some += usize::from(!keys.is_empty() && keys.len() < rows.len());
    }
    assert!(some > 50, "most filters find some rows and leave others");
}

/// A query that the model has no answer to is refused before anything is read.
pub async fn queries_that_do_not_fit_are_refused(subject: &Subject) {
    let deep = (0..100).fold(Filter::Any(Vec::new()), |inner, _| {
        Filter::Not(Box::new(inner))
    });
    let wrong = [
        Query::all().filter(Filter::Has("nothing".into())),
        Query::all().filter(Filter::equals("number", "7")),
        Query::all().filter(Filter::Below("list".into(), "a".into())),
        Query::all().filter(Filter::StartsWith("number".into(), "7".into())),
        Query::all().filter(Filter::refers_to("nobody", "a")),
        Query::all().filter(deep),
        Query::all().filter(Filter::KeyIn(vec![String::new(); 20_000])),
        Query::all().order(Order::Field("list".into())),
        Query::all().order(Order::Field("x') --".into())),
    ];
    for query in wrong {
        let listed = subject.recon.list(&Thing::schema(), &query, None, 1).await;
        assert!(matches!(listed, Err(ReconError::Model(_))), "{query:?}");
        let counted = subject.recon.count(&Thing::schema(), &query).await;
        assert!(matches!(counted, Err(ReconError::Model(_))), "{query:?}");
    }
    let query = Query::all().order(Order::Field("nothing".into()));
    let error = subject.recon.list(&Thing::schema(), &query, None, 1).await;
    assert!(
        matches!(&error, Err(ReconError::Model(ModelError::NoField { field, known, .. }))
            if field == "nothing" && known.contains(&"number")),
        "it says what there is: {error:?}"
    );
}

/// Pages have every row once, in each order, both ways round.
pub async fn pages_follow_one_another(subject: &Subject) {
    filled(subject).await;
    let rows = all::<Thing>(subject, &Query::all()).await;
    let mut orders = vec![
        Order::Key,
        Order::FirstSeen,
        Order::LastSeen,
        Order::ChangedAt,
    ];
    for field in ["text", "number", "flag", "owner"] {
        orders.push(Order::Field(field.to_owned()));
    }
    let schema = Thing::schema();
    for (order, descending) in orders
        .into_iter()
        .flat_map(|order| [(order.clone(), false), (order, true)])
    {
        let query = Query {
            filters: Vec::new(),
            order,
            descending,
        };
        let mut found: Vec<ModelRow> = Vec::new();
        loop {
            let after = found
                .last()
                .map(|last| query.position(&schema, last).expect("a place"));
            let page = subject.recon.list(&schema, &query, after.as_ref(), 7).await;
            let page = page.expect("a page is read");
            assert!(page.len() <= 7, "a page has as many rows as it may");
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        let keys: Vec<&str> = found.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, expected::<Thing>(&rows, &query), "{query:?}");
    }
}

/// A row is found by what it refers to now, not by what it referred to.
pub async fn references_follow_the_row(subject: &Subject) {
    let tasks = observers(subject).await;
    let mut thing = Thing::called("a");
    thing.list = Some(vec![
        "x.example".to_owned(),
        "y.example".to_owned(),
        "x.example".to_owned(),
    ]);
    sees(
        subject,
        &tasks[0],
        at(1),
        &[thing.clone(), Thing::called("b")],
    )
    .await;
    let found = async |key: &str| {
        let query = Query::all().filter(Filter::refers_to("domain", key));
        let rows = all::<Thing>(subject, &query).await;
        rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(
        found("x.example").await,
        ["a"],
        "once, though it is named twice"
    );
    thing.list = Some(vec!["z.example".to_owned()]);
    sees(subject, &tasks[1], at(2), &[thing.clone()]).await;
    assert!(found("x.example").await.is_empty(), "not any more");
    assert_eq!(found("z.example").await, ["a"], "but by the new one");
    sees(subject, &tasks[2], at(3), &[Thing::called("a")]).await;
    assert_eq!(
        found("z.example").await,
        ["a"],
        "silence takes nothing back"
    );
}

/// Two models may have one key.
pub async fn models_lie_apart(subject: &Subject) {
    let tasks = observers(subject).await;
    let (mut thing, mut stock) = (Thing::called("a"), Stock(Thing::called("a")));
    thing.number = Some(1);
    stock.0.number = Some(2);
    sees(subject, &tasks[0], at(1), &[thing.clone()]).await;
    sees(subject, &tasks[0], at(2), &[stock]).await;
    let things = all::<Thing>(subject, &Query::all()).await;
    let stocks = all::<Stock>(subject, &Query::all()).await;
    assert_eq!((things.len(), stocks.len()), (1, 1), "a row each");
    assert_eq!(model::<Thing>(&things[0]), thing, "its own row");
    assert_eq!(
        things[0].last_seen.cmp(&stocks[0].last_seen),
        Ordering::Less,
        "its own sight"
    );
}
