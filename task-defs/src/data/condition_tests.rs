use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn from(json: Value) -> Condition {
    serde_json::from_value(json).unwrap()
}

fn holds(condition: Value, row: &Value) -> bool {
    from(condition).matches(row).unwrap()
}

#[test]
fn each_test_does_what_it_says() {
    let row = json!({
        "name": "www.example.com", "port": 443, "share": 0.5, "none": null,
        "tags": ["a", 1], "big": u64::MAX,
    });
    for (condition, expected) in [
        (json!({"exists": {"at": "/none"}}), true),
        (json!({"exists": {"at": "/gone"}}), false),
        (json!({"equals": {"at": "/port", "value": 443.0}}), true),
        (json!({"equals": {"at": "/port", "value": "443"}}), false),
        (json!({"equals": {"at": "/gone", "value": null}}), false),
        (json!({"not_equals": {"at": "/gone", "value": null}}), true),
        (json!({"less": {"at": "/share", "than": 1}}), true),
        (json!({"less": {"at": "/share", "than": 0.5}}), false),
        (json!({"less": {"at": "/name", "than": 1}}), false),
        (
            json!({"greater": {"at": "/big", "than": u64::MAX - 1}}),
            true,
        ),
        (json!({"greater": {"at": "/big", "than": -1}}), true),
        (
            json!({"contains": {"at": "/name", "value": ".example."}}),
            true,
        ),
        (json!({"contains": {"at": "/tags", "value": 1.0}}), true),
        (json!({"contains": {"at": "/tags", "value": "b"}}), false),
        (json!({"contains": {"at": "/port", "value": 4}}), false),
        (
            json!({"starts_with": {"at": "/name", "text": "www."}}),
            true,
        ),
        (json!({"ends_with": {"at": "/name", "text": ".com"}}), true),
        (json!({"ends_with": {"at": "/port", "text": "3"}}), false),
        (json!({"in": {"at": "/port", "list": [80, 443]}}), true),
        (json!({"in": {"at": "/port", "list": []}}), false),
        (json!({"all_of": []}), true),
        (json!({"any_of": []}), false),
        (json!({"not": {"any_of": []}}), true),
    ] {
        assert_eq!(holds(condition.clone(), &row), expected, "{condition}");
    }
}

#[test]
fn nesting_has_a_limit_and_no_row_hides_it() {
    let nested = |levels| {
        (1..levels).fold(from(json!({"any_of": []})), |inner, _| {
            Condition::Not(Box::new(inner))
        })
    };
    assert_eq!(nested(32).matches(&Value::Null), Ok(true));
    assert_eq!(nested(33).matches(&Value::Null), Err(TooDeep));
    // The deep branch would not have been looked at.
    let lazy = Condition::AnyOf(vec![from(json!({"all_of": []})), nested(32)]);
    assert_eq!(lazy.matches(&Value::Null), Err(TooDeep));
}

#[test]
fn misspelt_conditions_are_refused() {
    for wrong in [
        json!({"equal": {"at": "", "value": 1}}),
        json!({"equals": {"at": "port", "value": 1}}),
        json!({"less": {"at": "/port", "than": "1"}}),
        json!({"equals": {"value": 1}}),
    ] {
        assert!(
            serde_json::from_value::<Condition>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab~/]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_pointer() -> impl Strategy<Value = Pointer> {
    "(/(a|b|0|1|~0|~1)?){0,3}".prop_map(|text| text.parse().unwrap())
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let leaf = (any_pointer(), any_json(), -3i64..3, "[ab]{0,2}", 0..9u8).prop_map(
        |(at, value, than, text, which)| match which {
            0 => Condition::Exists { at },
            1 => Condition::Equals { at, value },
            2 => Condition::NotEquals { at, value },
            3 => Condition::Less {
                at,
                than: than.into(),
            },
            4 => Condition::Greater {
                at,
                than: than.into(),
            },
            5 => Condition::Contains { at, value },
            6 => Condition::StartsWith { at, text },
            7 => Condition::EndsWith { at, text },
            _ => Condition::In {
                at,
                list: vec![value, text.into()],
            },
        },
    );
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(not),
            vec(inner.clone(), 0..4).prop_map(Condition::AllOf),
            vec(inner, 0..4).prop_map(Condition::AnyOf),
        ]
    })
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

proptest! {
    #[test]
    fn double_negation_and_de_morgan(
        a in any_condition(), b in any_condition(), row in any_json()
    ) {
        let holds = |condition: &Condition| condition.matches(&row).unwrap();
        prop_assert_eq!(holds(&not(not(a.clone()))), holds(&a));
        let both = vec![a.clone(), b.clone()];
        let neither = vec![not(a), not(b)];
        prop_assert_eq!(
            holds(&not(Condition::AllOf(both.clone()))), holds(&Condition::AnyOf(neither.clone())));
        prop_assert_eq!(holds(&not(Condition::AnyOf(both))), holds(&Condition::AllOf(neither)));
    }

    #[test]
    fn equality_agrees_with_lists_and_its_contrary(
        at in any_pointer(), value in any_json(), row in any_json()
    ) {
        let equals = Condition::Equals { at: at.clone(), value: value.clone() };
        let list = Condition::In { at: at.clone(), list: vec![value.clone()] };
        let differs = Condition::NotEquals { at: at.clone(), value };
        prop_assert_eq!(equals.matches(&row), list.matches(&row));
        prop_assert_eq!(equals.matches(&row), differs.matches(&row).map(|holds| !holds));
        let exists = Condition::Exists { at };
        prop_assert!(!equals.holds(&row) || exists.holds(&row));
    }

    #[test]
    fn conditions_survive_the_wire(condition in any_condition(), row in any_json()) {
        let wire = serde_json::to_string(&condition).unwrap();
        let back: Condition = serde_json::from_str(&wire).unwrap();
        prop_assert_eq!(back.matches(&row), condition.matches(&row));
    }
}
