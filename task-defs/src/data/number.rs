//! Comparing JSON numbers by value.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// How two numbers compare: exactly if both are whole, else as 64-bit floats.
pub(super) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Whether two values are equal; numbers by value, so that `1` and `1.0` are.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn whole(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_compare_exactly() {
        // As floats these two are one.
        let (a, b) = (
            json!(9_007_199_254_740_992u64),
            json!(9_007_199_254_740_993u64),
        );
        assert!(!equal(&a, &b));
        assert!(equal(&json!(1), &json!(1.0)));
        assert!(!equal(&json!(1), &json!("1")));
        assert!(!equal(&json!(u64::MAX), &json!(-1)));
    }
}
