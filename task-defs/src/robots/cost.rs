//! What a scan costs on Lambda.

use std::time::Duration;

/// A price list of AWS Lambda, in US dollars.
///
/// `cost = memory / 1024 MiB · seconds · per_gb_second + requests · per_million_requests / 10⁶`
///
/// It is the list price: no free tier, no discounts, and nothing for queues, storage and logs.
///
/// ```
/// use std::time::Duration;
/// use sortie_task_defs::robots::LambdaPrice;
///
/// // 800 invocations of 35.2 s on average, with 1,280 MiB each.
/// let cost = LambdaPrice::X86.cost(1280, Duration::from_millis(35_200) * 800, 800);
/// assert_eq!(format!("${cost:.3}"), "$0.587");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LambdaPrice {
    /// For one second with 1,024 MiB.
    pub per_gb_second: f64,
    /// For a million invocations.
    pub per_million_requests: f64,
}

impl LambdaPrice {
    /// The list price on x86, first tier, in most regions (2026).
    pub const X86: Self = Self {
        per_gb_second: 0.000_016_666_7,
        per_million_requests: 0.20,
    };

    /// The cost of `requests` invocations that took `billed` in all, with `memory_mib` each.
    pub fn cost(&self, memory_mib: u32, billed: Duration, requests: u64) -> f64 {
        let gb_seconds = f64::from(memory_mib) / 1024.0 * billed.as_secs_f64();
        gb_seconds * self.per_gb_second + requests as f64 / 1e6 * self.per_million_requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_numbers_of_potassium_40() {
        // 1280/1024 GB · 35.2 s · 800 · $0.00001667, which its author rounds up to $0.60.
        let published = LambdaPrice {
            per_gb_second: 0.000_016_67,
            per_million_requests: 0.0,
        };
        let cost = published.cost(1280, Duration::from_secs_f64(35.2) * 800, 800);
        assert!((cost - 0.586_784).abs() < 1e-9, "{cost}");
    }

    #[test]
    fn requests_are_billed_by_the_million() {
        let cost = LambdaPrice::X86.cost(128, Duration::ZERO, 5_000_000);
        assert!((cost - 1.0).abs() < 1e-12, "{cost}");
    }
}
