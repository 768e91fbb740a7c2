//! Queries in a source's own language, which are not understood here.

use super::error::SourceError;
use crate::web::text::cut;

/// Holds a query against what any source takes: 1 to 4,096 bytes without control characters.
pub(super) fn check_query(query: &str) -> Result<(), SourceError> {
    if !query.trim().is_empty() && query.len() <= 4096 && !query.contains(char::is_control) {
        return Ok(());
    }
    Err(SourceError::Invalid {
        field: "query.query".to_owned(),
        found: format!("{:?}", cut(query, 80)),
        allowed: "give 1 to 4096 bytes without control characters".to_owned(),
    })
}
