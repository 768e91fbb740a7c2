use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Items and rest of a document that comes in pieces of `step` bytes.
fn split(
    path: &'static [&'static str],
    document: &[u8],
    step: usize,
) -> Result<(Vec<String>, String), SplitError> {
    let mut items = Vec::new();
    let mut splitter = Items::new(path, 4096);
    for piece in document.chunks(step.max(1)) {
        splitter.push(piece, &mut |item| {
            items.push(String::from_utf8_lossy(item).trim().to_owned());
            Ok::<_, SplitError>(())
        })?;
    }
    let rest = splitter.finish()?;
    Ok((items, String::from_utf8_lossy(&rest).into_owned()))
}

fn parsed(path: &'static [&'static str], document: &str) -> Option<(Vec<Value>, Value)> {
    let (items, rest) = split(path, document.as_bytes(), 7).ok()?;
    let items: Result<Vec<Value>, _> = items
        .iter()
        .map(|item| serde_json::from_str(item))
        .collect();
    Some((items.ok()?, serde_json::from_str(&rest).ok()?))
}

#[test]
fn the_array_is_found_at_its_path_only() {
    let document = r#"{"hits":[0],"a":{"result":{"hits":[1]}},"result":{"x":[2,[3]],"hits":[{"hits":[4]},"]",5],"n":6}}"#;
    let (items, rest) = parsed(&["result", "hits"], document).unwrap();
    assert_eq!(items, [json!({"hits": [4]}), json!("]"), json!(5)]);
    let expected = json!({"hits": [0], "a": {"result": {"hits": [1]}},
        "result": {"x": [2, [3]], "hits": [], "n": 6}});
    assert_eq!(rest, expected);
}

#[test]
fn a_value_or_an_escaped_key_is_no_key() {
    for document in [
        r#"{"a":"hits","b":[1]}"#,
        r#"{"\"hits":[1]}"#,
        r#"{"hits":{"hits":[1]}}"#,
        r#"[{"hits":[1]}]"#,
        r#"{"hits":null}"#,
    ] {
        let (items, rest) = parsed(&["hits"], document).unwrap();
        assert_eq!(items, [] as [Value; 0], "{document}");
        assert_eq!(rest, serde_json::from_str::<Value>(document).unwrap());
    }
}

#[test]
fn what_is_not_one_document_does_not_pass_as_one() {
    for document in [
        "",
        " ",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "]",
        "[1][2]",
        "[1] x",
        "[\"a]",
        "[{]",
        "[{]}]",
        "<html>[1]</html>",
        "[\u{0}]",
    ] {
        assert_eq!(parsed(&[], document), None, "{document}");
    }
    assert_eq!(parsed(&[], " [ ] "), Some((vec![], json!([]))));
}

#[test]
fn no_item_and_no_rest_grows_without_end() {
    let long = format!("[\"{}\"]", "a".repeat(5000));
    assert_eq!(
        split(&[], long.as_bytes(), 100).unwrap_err(),
        SplitError::ItemTooLarge(4096)
    );
    let wide = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_REST));
    assert_eq!(
        split(&["b"], wide.as_bytes(), 100).unwrap_err(),
        SplitError::RestTooLarge
    );
    let deep = "[".repeat(5000);
    assert!(split(&[], deep.as_bytes(), 100).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\\\[\\]{},: é]{0,8}".prop_map(Value::from),
        Just(json!("hits")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("result|hits|[a\"\\\\]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn items_and_rest_are_those_of_a_whole_parse(
        document in any_json(), pretty: bool, step in 1usize..40, deep: bool,
    ) {
        let path: &'static [&'static str] = if deep { &["result", "hits"] } else { &["hits"] };
        let text = if pretty {
            serde_json::to_string_pretty(&document).unwrap()
        } else {
            document.to_string()
        };
        let (items, rest) = split(path, text.as_bytes(), step).unwrap();
        let items: Vec<Value> = items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
        let mut expected = document;
        let pointer = format!("/{}", path.join("/"));
        // A pointer also goes through arrays, but only with numbers for keys.
        let array = expected.pointer_mut(&pointer).and_then(Value::as_array_mut);
        prop_assert_eq!(items, array.map(std::mem::take).unwrap_or_default());
        prop_assert_eq!(serde_json::from_str::<Value>(&rest).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_split_or_refused_however_they_come(
        bytes in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(b"[]{},:\"\\ ahits1".to_vec()), 1 => any::<u8>()], 0..80),
        step in 1usize..20,
    ) {
        prop_assert_eq!(split(&["hits"], &bytes, step), split(&["hits"], &bytes, 1));
    }
}
