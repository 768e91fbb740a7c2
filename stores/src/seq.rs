//! Places of rows.

use task_core::ports::store::StoreError;

/// The places of `len` rows from `first` on; refused if the last has no place.
pub(crate) fn seqs(first: u32, len: usize) -> Result<impl Iterator<Item = u32>, StoreError> {
    let room = u64::from(u32::MAX - first) + 1;
    if u64::try_from(len).is_ok_and(|len| len <= room) {
        Ok((first..=u32::MAX).take(len))
    } else {
        Err(StoreError::Refused(format!(
            "{len} rows from {first} on; a task has 2^32 at most"
        )))
    }
}
