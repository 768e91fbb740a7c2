use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(source: &str) -> Expression {
    source.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(source: &str) -> Problem {
    source.parse::<Expression>().unwrap_err().problem
}

fn row() -> Value {
    json!({
        "domain": "WWW.Example.com", "rules": 12, "score": 0.5, "ok": true, "none": null,
        "ports": [22, 80, 443], "tags": [], "big": u64::MAX,
        "tls": {"names": ["a.example", "b.example"], "a-b": 1},
    })
}

#[test]
fn each_part_does_what_it_says() {
    for holds in [
        "row.ok",
        "row.rules == 12 && row.rules == 12.0 && row.rules != '12'",
        "row.rules > 11 && row.rules >= 12 && row.score < 1 && row.score <= 0.5",
        "row.big == 18446744073709551615u && row.big > 1",
        "row.domain.lowerAscii().endsWith('.example.com') && row.domain.startsWith('WWW')",
        "row.domain.contains('Example') && row.domain.matches('^W+[.]')",
        "443 in row.ports && !(8080 in row.ports) && 'names' in row.tls",
        "row.ports[1] == 80 && row.tls['a-b'] == 1 && row['rules'] == 12",
        "has(row.tls.names) && !has(row.tls.issuer) && !has(row.nothing.at.all)",
        "row.none == null && has(row.none)",
        "row.ports.all(p, p > 20) && row.tags.all(t, t == 1) && !row.tags.exists(t, true)",
        "row.ports.exists(p, p == 80) && row.ports.exists_one(p, p > 400)",
        "row.ports.filter(p, p < 100) == [22, 80] && row.ports.map(p, p * 2)[2] == 886",
        "row.ports.map(p, p > 50, p + 1) == [81, 444]",
        "row.ports.all(p, row.ports.exists(q, p == q))",
        "row.tls.exists(k, k == 'names') && size(row.tls) == 2",
        "row.ports.size() == 3 && size('über') == 4",
        "(row.ok ? 1 : 2) == 1 && 7 / 2 == 3 && -7 % 3 == -1 && 7 / 2.0 == 3.5",
        "'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && 2 - 3 * 4 == -10",
        "int('12') == row.rules && int(1.9) == 1 && double('0.5') == row.score",
        "string(row.rules) == '12' && string(true) == 'true'",
        "row.tls == {'names': 1} || row == row",
    ] {
        match holds.parse::<Expression>() {
            Ok(expression) => assert_eq!(expression.matches(&row()), Ok(true), "{holds}"),
            // Objects that are written out are not supported.
            Err(error) => assert!(holds.contains('{'), "{error}"),
        }
    }
}

#[test]
fn one_side_may_decide_for_the_other() {
    let answer = |source: &str| parse(source).matches(&row());
    assert_eq!(answer("row.gone == 1 || row.ok"), Ok(true));
    assert_eq!(answer("row.ok || row.gone == 1"), Ok(true));
    assert_eq!(answer("row.gone == 1 && !row.ok"), Ok(false));
    assert_eq!(
        answer("row.ports.exists(p, p / 0 == 1 || p == 443)"),
        Ok(true)
    );
    assert!(answer("row.gone == 1 && row.ok").is_err());
    assert!(answer("row.ports.exists(p, p / 0 == 1)").is_err());
}

#[test]
fn what_has_no_answer_says_where_and_why() {
    let reason = |source: &str| parse(source).matches(&row()).unwrap_err().reason;
    let of = |operation, found| Reason::Type { operation, found };
    let place = |place: &str| Reason::Missing {
        place: place.to_owned(),
    };
    for (source, expected) in [
        ("row.tls.issuer == 1", place("row.tls.issuer")),
        ("row.ports.exists(p, p.number == 1)", place("p.number")),
        ("row.tags[0] == 1", Reason::OutOfBounds),
        ("row.ports[-1] == 1", Reason::OutOfBounds),
        ("row.domain > 1", of(">", "a number")),
        ("row.ports + 1 == 1", of("+", "a list")),
        ("row.rules - '1' == 1", of("-", "a text")),
        ("row.rules.exists(p, true)", of("a macro", "a number")),
        ("!row.rules", of("!", "a number")),
        ("row.rules / 0 == 1", Reason::DivisionByZero),
        ("row.rules % 0 == 1", Reason::DivisionByZero),
        ("row.big * row.big > 1", Reason::Overflow("*")),
        ("row.big + 1 > 1", Reason::Overflow("+")),
        ("int(1e300) == 1", Reason::Overflow("int")),
        ("int('x') == 1", Reason::NoNumber("int")),
        ("row.domain", Reason::NotBoolean("a text")),
        ("row", Reason::NotBoolean("an object")),
    ] {
        assert_eq!(reason(source), expected, "{source}");
    }
    let error = parse("row.ok &&\n  row.domain > 1")
        .matches(&row())
        .unwrap_err();
    assert_eq!((error.line, error.column), (2, 14));
    assert!(!error.to_string().contains("Example"), "{error}");
}

#[test]
fn what_is_no_expression_says_where_and_why() {
    for (source, line, column) in [
        ("row.a >", 1, 8),
        ("", 1, 1),
        ("row.a ==\n)", 2, 1),
        ("'x", 1, 1),
    ] {
        let error = source.parse::<Expression>().unwrap_err();
        assert!(matches!(error.problem, Problem::Syntax(_)), "{error}");
        assert_eq!((error.line, error.column), (line, column), "{error}");
    }
    assert_eq!(wrong("rows.a"), Problem::UnknownVariable("rows".to_owned()));
    let unknown = |name: &str, arguments| Problem::UnknownFunction {
        name: name.to_owned(),
        arguments,
    };
    assert_eq!(wrong("now() > 1"), unknown("now", 0));
    assert_eq!(wrong("row.a.contains('b', 'c')"), unknown("contains", 3));
    assert_eq!(
        wrong("{'a': 1} == row"),
        Problem::Unsupported("objects that are written out")
    );
    assert_eq!(wrong("row.a == b'x'"), Problem::Unsupported("bytes"));
    assert_eq!(
        wrong("row.a.matches(row.b)"),
        Problem::Pattern("must be written out as a text")
    );
    assert_eq!(
        wrong("row.a.matches('(')"),
        Problem::Pattern("is no regular expression")
    );
    let large = Problem::Pattern("is too large; write a shorter one");
    assert_eq!(wrong("row.a.matches('(a{1000}){1000}')"), large);
    let json = serde_json::from_str::<Expression>("\"row.a >\"")
        .unwrap_err()
        .to_string();
    assert!(
        json.contains("`row.a >` is wrong at line 1, column 8"),
        "{json}"
    );
}

/// Each within the 4096 bytes that are allowed.
fn hostile() -> Vec<String> {
    let nested = |depth| (0..depth).fold("1".to_owned(), |inner, _| format!("[1].map(x,{inner})"));
    vec![
        format!("{}1{}", "(".repeat(2000), ")".repeat(2000)),
        "(".repeat(4096),
        format!("{}1{}", "[".repeat(2000), "]".repeat(2000)),
        "!".repeat(4000) + "true",
        "-".repeat(4000) + "1",
        "[{(!".repeat(1000),
        "!({[".repeat(31) + "1",
        "true?".repeat(800) + "1",
        "1".to_owned() + &"+1".repeat(2000),
        "row".to_owned() + &".a".repeat(2000),
        "row".to_owned() + &"[0]".repeat(1300),
        "true".to_owned() + &"||true".repeat(650),
        "[1]".to_owned() + &".map(x,x)".repeat(400),
        nested(300),
        "\u{0}\u{7f}\u{feff}".repeat(500),
    ]
}

#[test]
fn nothing_hostile_brings_the_compiler_down() {
    for source in hostile() {
        let started = std::time::Instant::now();
        let _ = source.parse::<Expression>();
        assert!(started.elapsed().as_secs() < 5, "{}", &source[..20]);
    }
    assert_eq!(wrong(&"x".repeat(4097)), Problem::TooLong(4097));
    let sum = |terms: usize| "1".to_owned() + &"+1".repeat(terms - 1) + " > 0";
    assert!(sum(63).parse::<Expression>().is_ok());
    assert_eq!(wrong(&sum(64)), Problem::TooDeep);
}

#[test]
fn nothing_hostile_outlives_its_steps() {
    let row = json!({"list": vec![7; 3000], "text": "a".repeat(1 << 20)});
    let doubling =
        |by: &str| "['aaaaaaaa']".to_owned() + &format!(".map(x, {by})").repeat(50) + " == []";
    for source in [
        "row.list.all(a, row.list.all(b, row.list.all(c, row.list.all(d, a == d))))".to_owned(),
        // What one side cannot decide the other may, but not when the steps are used up.
        "row.list.exists(a, row.list.exists(b, a / 0 == b) || a == 8) || true".to_owned(),
        doubling("x + x"),
        format!(
            "{0} == {0}",
            "[row.list]".to_owned() + &".map(x, [x, x])".repeat(40)
        ),
        format!(
            "row.list.all(a, {})",
            ["row.list == row.list"; 30].join(" && ")
        ),
        "row.list.all(a, row.text.contains('b') || true)".to_owned(),
        "row.list.all(a, row.text.matches('(a|aa)*b') || true)".to_owned(),
        "row.list.all(a, row.text + row.text != '')".to_owned(),
    ] {
        let expression = parse(&source);
        let started = std::time::Instant::now();
        let error = expression.matches(&row).unwrap_err();
        assert_eq!(error.reason, Reason::TooManySteps, "{source}");
        assert!(
            started.elapsed().as_secs() < 5,
            "{source}: {:?}",
            started.elapsed()
        );
    }
}

/// Numbers of a row and an expression over them, with what it must give.
fn arithmetic() -> impl Strategy<Value = (String, i64)> {
    let leaf = prop_oneof![
        Just(("row.a".to_owned(), 3i64)),
        Just(("row.b[1]".to_owned(), -5)),
        (0i64..50).prop_map(|n| (n.to_string(), n)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        (inner.clone(), inner, 0..4u8).prop_map(|((a, x), (b, y), operator)| match operator {
            0 => (format!("({a} + {b})"), x.saturating_add(y)),
            1 => (format!("({a} - {b})"), x.saturating_sub(y)),
            2 => (format!("({a} % 7 * {b})"), (x % 7).saturating_mul(y)),
            _ => (format!("({a} < {b} ? {a} : {b})"), x.min(y)),
        })
    })
}

/// A boolean expression, and what it must give.
fn logic() -> impl Strategy<Value = (String, bool)> {
    let leaf = prop_oneof![
        (arithmetic(), arithmetic()).prop_map(|((a, x), (b, y))| (format!("{a} <= {b}"), x <= y)),
        (0i64..9).prop_map(|n| (format!("{n} in row.list"), [1, 2, 3].contains(&n))),
        (0i64..4).prop_map(|n| (
            format!("row.list.all(x, x > {n})"),
            [1, 2, 3].iter().all(|x| *x > n)
        )),
        (0i64..4).prop_map(|n| (format!("row.list.exists(x, x > {n})"), 3 > n)),
        (0i64..4).prop_map(|n| (
            format!("row.list.filter(x, x > {n}).size() == {}", 3 - n),
            n < 4
        )),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), inner, 0..3u8).prop_map(|((a, x), (b, y), operator)| match operator {
            0 => (format!("(({a}) && ({b}))"), x && y),
            1 => (format!("(({a}) || ({b}))"), x || y),
            _ => (format!("!({a})"), !x),
        })
    })
}

proptest! {
    #[test]
    fn expressions_agree_with_a_naive_evaluation((source, expected) in logic()) {
        let row = json!({"a": 3, "b": [0, -5], "list": [1, 2, 3]});
        prop_assume!(source.len() <= Expression::MAX_BYTES);
        match source.parse::<Expression>() {
            Ok(expression) => prop_assert_eq!(expression.matches(&row), Ok(expected), "{}", source),
            Err(error) => prop_assert_eq!(error.problem, Problem::TooDeep),
        }
    }

    #[test]
    fn no_text_is_a_panic(source in "\\PC{0,60}") {
        if let Ok(expression) = source.parse::<Expression>() {
            let _ = expression.matches(&row());
        }
    }

    #[test]
    fn no_row_of_words_is_a_panic(words in proptest::collection::vec(prop_oneof![
        Just("row"), Just(".a"), Just("[0]"), Just("("), Just(")"), Just("["), Just("]"), Just("1"),
        Just(" + "), Just(" && "), Just("!"), Just("-"), Just(" in "), Just(".exists(x, "), Just("x"),
        Just("has("), Just("'t'"), Just(" ? "), Just(" : "), Just(".map("), Just(","), Just(".matches("),
        Just("{"), Just("}"), Just("@result"), Just("b'x'"), Just("0x"), Just("9e9"), Just("`"),
    ], 0..30)) {
        if let Ok(expression) = words.concat().parse::<Expression>() {
            let _ = expression.matches(&row());
        }
    }
}
