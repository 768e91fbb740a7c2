//! A JSON document whose one long array is read item by item.

/// Splits a document, as its bytes come, into the items of the array at a path and the rest.
///
/// Memory holds one item and the rest, each capped. Only the structure is looked at: whether an
/// item, or the rest, is JSON at all is for its parser to say, and every byte of the document
/// reaches one of the two.
#[derive(Debug)]
pub(super) struct Items {
    path: &'static [&'static str],
    item_limit: usize,
    /// How many containers are open; inside the array, how many inside the item.
    depth: usize,
    /// How many of these, from the outside, are objects on the path.
    matched: usize,
    inside: bool,
    /// How many items of the present array are behind us.
    ended: usize,
    string: Option<Text>,
    /// The last string outside the array that was complete; the key, if a colon follows.
    last: Vec<u8>,
    /// The key of the value that comes, in an object on the path.
    key: Option<Vec<u8>>,
    item: Vec<u8>,
    rest: Vec<u8>,
}

/// A string that has begun.
#[derive(Debug, Default)]
struct Text {
    escaped: bool,
    bytes: Vec<u8>,
}

/// A document that cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SplitError {
    #[error("an item has more than {0} bytes")]
    ItemTooLarge(usize),
    #[error("what surrounds the items has more than {MAX_REST} bytes")]
    RestTooLarge,
    #[error("the document ends early")]
    Truncated,
    #[error("a bracket closes that was not open")]
    Unbalanced,
}

/// Most bytes of a document apart from its items.
const MAX_REST: usize = 1 << 20;
/// Longer keys are on no path; no more of them than this is kept.
const MAX_KEY: usize = 64;

impl Items {
    pub(super) fn new(path: &'static [&'static str], item_limit: usize) -> Self {
        Self {
            path,
            item_limit,
            depth: 0,
            matched: 0,
            inside: false,
            ended: 0,
            string: None,
            last: Vec::new(),
            key: None,
            item: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Takes the next bytes, and hands each item that they complete to `each`.
    pub(super) fn push<E: From<SplitError>>(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.inside {
                // Most bytes mean nothing to the structure; they go in one piece.
                let (plain, rest) = bytes.split_at(self.plain(bytes));
                self.keep(plain)?;
                bytes = rest;
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            if !self.inside {
                self.outside(byte)?;
            } else if self.inside_array(byte)? {
                each(&self.item)?;
                self.item.clear();
            }
        }
    }

    /// The document without its items: where the array was, an empty one is left.
    pub(super) fn finish(self) -> Result<Vec<u8>, SplitError> {
        if self.inside || self.depth > 0 || self.string.is_some() || self.rest.is_empty() {
            return Err(SplitError::Truncated);
        }
        Ok(self.rest)
    }

    /// How many bytes in front mean nothing but themselves, inside the array.
    fn plain(&self, bytes: &[u8]) -> usize {
        let end = match &self.string {
            Some(text) if text.escaped => Some(0),
            Some(_) => memchr::memchr2(b'"', b'\\', bytes),
            None => bytes
                .iter()
                .position(|byte| matches!(byte, b'"' | b',' | b'{' | b'}' | b'[' | b']')),
        };
        end.unwrap_or(bytes.len())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), SplitError> {
        if bytes.len() > self.item_limit - self.item.len() {
            return Err(SplitError::ItemTooLarge(self.item_limit));
        }
        self.item.extend_from_slice(bytes);
        Ok(())
    }

    /// One byte of the array; whether it completes an item.
    fn inside_array(&mut self, byte: u8) -> Result<bool, SplitError> {
        if let Some(text) = &mut self.string {
            if text.ends_with(byte) {
                self.string = None;
            }
        } else {
            match byte {
                b'"' => self.string = Some(Text::default()),
                b'{' | b'[' => self.depth += 1,
                b',' if self.depth == 0 => {
                    self.ended += 1;
                    return Ok(true);
                }
                b']' if self.depth == 0 => {
                    self.inside = false;
                    self.depth = self.matched;
                    self.rest.push(byte);
                    // An empty array; but behind a comma an item is missing, as its parser finds.
                    let blank = self.item.iter().all(u8::is_ascii_whitespace);
                    if blank && self.ended == 0 {
                        self.item.clear();
                        return Ok(false);
                    }
                    return Ok(true);
                }
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1).ok_or(SplitError::Unbalanced)?;
                }
                _ => {}
            }
        }
        self.keep(&[byte])?;
        Ok(false)
    }

    fn outside(&mut self, byte: u8) -> Result<(), SplitError> {
        if self.rest.len() == MAX_REST {
            return Err(SplitError::RestTooLarge);
        }
        self.rest.push(byte);
        if let Some(text) = &mut self.string {
            if text.ends_with(byte) {
                self.last = std::mem::take(&mut text.bytes);
                self.string = None;
            } else if text.bytes.len() <= MAX_KEY {
                text.bytes.push(byte);
            }
            return Ok(());
        }
        match byte {
            b'"' => self.string = Some(Text::default()),
            b':' => self.key = Some(std::mem::take(&mut self.last)),
            b',' => self.key = None,
            b'{' if self.on_path() && self.matched < self.path.len() => {
                self.depth += 1;
                self.matched += 1;
                self.key = None;
            }
            b'[' if self.on_path() && self.matched == self.path.len() => {
                self.inside = true;
                self.depth = 0;
                self.ended = 0;
                self.key = None;
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.key = None;
            }
            b'}' | b']' => {
                self.depth = self.depth.checked_sub(1).ok_or(SplitError::Unbalanced)?;
                self.matched = self.matched.min(self.depth);
                self.key = None;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the value that begins here is on the path.
    fn on_path(&self) -> bool {
        if self.depth != self.matched {
            return false;
        }
        match self.matched.checked_sub(1) {
            // The document itself, and not what may follow it.
            None => self.rest.iter().rev().skip(1).all(u8::is_ascii_whitespace),
            Some(outer) => {
                let wanted = self.path.get(outer).map(|key| key.as_bytes());
                wanted.is_some() && self.key.as_deref() == wanted
            }
        }
    }
}

impl Text {
    /// Whether this byte is the quote at the end.
    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            _ if std::mem::take(&mut self.escaped) => false,
            b'\\' => {
                self.escaped = true;
                false
            }
            _ => byte == b'"',
        }
    }
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
