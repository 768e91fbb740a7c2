//! Rows that have much in common, told from rows that have not.

/// Rows from which on a statement of their own pays.
const WORTH_IT: usize = 16;
/// Groups at most, so that the number of statements does not grow with the list.
const GROUPS: usize = 8;

/// The groups of `rows` that are alike, and the rest.
pub(super) fn alike<'r, T>(
    rows: impl IntoIterator<Item = &'r T>,
    same: impl Fn(&T, &T) -> bool,
) -> (Vec<Vec<&'r T>>, Vec<&'r T>) {
    let mut groups: Vec<Vec<&T>> = Vec::new();
    let mut rest = Vec::new();
    // Rows that are alike mostly come one after the other.
    let mut last = 0;
    for row in rows {
        let fits = |group: &Vec<&T>| group.first().is_some_and(|first| same(first, row));
        if !groups.get(last).is_some_and(fits) {
            match groups.iter().position(fits) {
                Some(found) => last = found,
                None if groups.len() < GROUPS => {
                    last = groups.len();
                    groups.push(Vec::new());
                }
                None => {
                    rest.push(row);
                    continue;
                }
            }
        }
        groups[last].push(row);
    }
    groups.retain(|group| {
        let worth_it = group.len() >= WORTH_IT;
        if !worth_it {
            rest.extend_from_slice(group);
        }
        worth_it
    });
    (groups, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_group_of_its_like_or_in_the_rest() {
        let rows: Vec<u32> = (0..2000)
            .map(|n| if n % 3 == 0 { n % 20 } else { 7 })
            .collect();
        let (groups, rest) = alike(&rows, |a, b| a == b);
        assert!(groups.len() <= GROUPS);
        assert!(
            groups
                .iter()
                .all(|group| group.iter().all(|row| *row == group[0]))
        );
        assert!(
            groups
                .iter()
                .any(|group| *group[0] == 7 && group.len() > 1000)
        );
        let mut all: Vec<u32> = groups.concat().into_iter().chain(rest).copied().collect();
        let mut expected = rows.clone();
        all.sort_unstable();
        expected.sort_unstable();
        assert_eq!(all, expected);
    }
}
