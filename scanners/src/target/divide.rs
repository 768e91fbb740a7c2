//! Division by a number that does not change.

/// Divides by multiplying, which takes a fifth of the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    by: u64,
    /// 2^64 divided by `by`, rounded up; 0 stands for 2^64 itself.
    reciprocal: u64,
}

impl Divisor {
    /// Divides by `by`, from 1 to 2^16.
    pub(super) fn new(by: u64) -> Self {
        Self {
            by,
            reciprocal: (u64::MAX / by).wrapping_add(1),
        }
    }

    /// The quotient, and the rest.
    pub(super) fn divide(self, number: u64) -> (u64, usize) {
        // Rounding up is wrong by less than `by` in 2^64 for each unit of the number, so below 2^48
        // the sum of it stays below one.
        let quotient = if self.reciprocal == 0 {
            number
        } else if number < 1 << 48 {
            ((u128::from(number) * u128::from(self.reciprocal)) >> 64) as u64
        } else {
            number / self.by
        };
        (quotient, (number - quotient * self.by) as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Divisor;

    proptest! {
        #[test]
        fn it_divides(
            number in prop_oneof![any::<u64>(), 0..1u64 << 48, (1u64 << 48) - 9..(1 << 48) + 9],
            by in prop_oneof![1..=1u64 << 16, 1..9u64, 65_530..=65_536u64],
        ) {
            let expected = (number / by, (number % by) as usize);
            prop_assert_eq!(Divisor::new(by).divide(number), expected);
            // Where a quotient changes is where a wrong one would show.
            let edge = number / by * by;
            prop_assert_eq!(Divisor::new(by).divide(edge), (number / by, 0));
            if let Some(below) = edge.checked_sub(1) {
                prop_assert_eq!(Divisor::new(by).divide(below).0, below / by);
            }
        }
    }
}
