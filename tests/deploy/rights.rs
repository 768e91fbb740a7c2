//! What nobody may do, and what an External worker may not.

use std::collections::BTreeSet;

use crate::policy::{Statement, statements};

/// What is allowed, by policy and statement.
fn allowed() -> impl Iterator<Item = (String, Statement)> {
    statements()
        .into_iter()
        .filter(|(_, statement)| statement.effect == "Allow")
        .map(|((policy, sid), statement)| (format!("{policy}/{sid}"), statement))
}

#[test]
fn no_right_is_to_every_action_of_a_service() {
    for (place, statement) in allowed() {
        for action in &statement.actions {
            assert!(!action.contains('*'), "{place} allows {action}");
        }
    }
}

/// Those are actions that IAM knows on everything only, or that conditions narrow down.
#[test]
fn rights_on_everything_are_few_and_known() {
    let on_everything: Vec<String> = allowed()
        .filter(|(_, statement)| statement.resources.contains("*"))
        .map(|(place, _)| place)
        .collect();
    let known = [
        "fleet/CountWorkers",
        "fleet/StartWorkers",
        "vpc/LetLambdaJoinTheVpc",
    ];
    assert_eq!(on_everything, known);
    let start = &statements()[&("fleet".into(), "StartWorkers".into())];
    assert!(start.has_conditions, "any machine could be started");
}

#[test]
fn an_external_worker_has_its_queue_the_managers_and_its_objects_and_nothing_else() {
    let services: BTreeSet<String> = allowed()
        .filter(|(place, _)| place.starts_with("external/"))
        .flat_map(|(_, statement)| statement.actions)
        .map(|action| action.split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(services, BTreeSet::from(["s3".into(), "sqs".into()]));
    for (place, statement) in allowed().filter(|(place, _)| place.starts_with("external/")) {
        for resource in &statement.resources {
            let own = resource.starts_with("external_") || resource.starts_with("bucket/");
            let reports = resource == "manager_queue"
                && !statement.actions.contains("sqs:ReceiveMessage")
                && !statement.actions.contains("sqs:DeleteMessage");
            assert!(own || reports, "{place} reaches {resource}");
        }
    }
}

/// A plan is what the manager takes for the will of who submitted it, and so is a cancellation.
#[test]
fn no_worker_writes_plans_scopes_or_cancellations() {
    for (place, statement) in allowed().filter(|(_, s)| s.actions.contains("s3:PutObject")) {
        let worker = ["external/", "internal/", "bare_metal/"]
            .iter()
            .any(|kind| place.starts_with(kind));
        for prefix in ["plans", "scopes", "cancelled", "targets", "programs"] {
            let writes = statement.resources.contains(&format!("bucket/{prefix}/*"));
            assert!(!(worker && writes), "{place} writes {prefix}");
        }
    }
}

#[test]
fn nobody_lists_or_removes_objects() {
    for (place, statement) in allowed() {
        for action in ["s3:ListBucket", "s3:DeleteObject"] {
            assert!(!statement.actions.contains(action), "{place} has {action}");
        }
    }
}
