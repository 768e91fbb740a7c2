//! A search of certificate transparency logs, in the form of crt.sh: `GET /?q=%.DOMAIN&output=json`.
//!
//! What it answers is drawn from the domain, like everything here, so the names that a reader
//! should end up with are known without asking: [`ct_names`]. Between the good rows lie those that
//! the real one has, too: e-mail addresses, wildcards, markup, names of other domains, names in
//! odd writing, rows that come twice, and dates of nonsense.
//!
//! The first label of the domain can ask for trouble:
//!
//! | label | what happens |
//! |---|---|
//! | `html` | a page for people, with status 200 |
//! | `busy` | 503 with `Retry-After: 1`, and the rows at the next request |
//! | `gone` | 404 |
//! | `cut` | the answer ends in the middle |
//! | `flood` | an array without end |

mod rows;
mod serve;

pub(crate) use serve::serve;

pub use rows::ct_names;
