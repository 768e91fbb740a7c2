//! Frames on their way out.

/// Frames in slots of one fixed stride, in one allocation that is made once.
///
/// A slot keeps its bytes when its length is set, so a template can be laid into every slot and
/// only what differs be written for each probe.
///
/// ```
/// use sortie_scanners::link::Batch;
///
/// let mut batch = Batch::new(64, 128);
/// batch.slot_mut(3)[..5].copy_from_slice(b"hello");
/// batch.set_len(3, 5);
/// assert_eq!(batch.slot(3), b"hello");
/// assert_eq!(batch.slot(4), b"", "a new slot is empty");
/// ```
#[derive(Clone)]
pub struct Batch {
    bytes: Box<[u8]>,
    stride: usize,
    lens: Box<[u32]>,
}

impl Batch {
    /// Longer frames than these need no slot: jumbo frames are shorter.
    pub const MAX_STRIDE: usize = 16 * 1024;

    /// `slots` empty slots of `stride` bytes each, at least 1 and at most
    /// [`MAX_STRIDE`](Self::MAX_STRIDE).
    pub fn new(slots: usize, stride: usize) -> Self {
        let stride = stride.clamp(1, Self::MAX_STRIDE);
        Self {
            bytes: vec![0; slots * stride].into(),
            stride,
            lens: vec![0; slots].into(),
        }
    }

    /// How many slots there are.
    pub fn capacity(&self) -> usize {
        self.lens.len()
    }

    /// Bytes in a slot.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The frame in slot `index`, as long as [`set_len`](Self::set_len) said; empty past the end.
    pub fn slot(&self, index: usize) -> &[u8] {
        let len = self.lens.get(index).map_or(0, |&len| len as usize);
        let start = index.saturating_mul(self.stride);
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    /// The whole of slot `index`, to write in; empty past the end.
    pub fn slot_mut(&mut self, index: usize) -> &mut [u8] {
        let start = index.saturating_mul(self.stride);
        let end = start.saturating_add(self.stride);
        self.bytes.get_mut(start..end).unwrap_or_default()
    }

    /// Says how many of the first bytes of slot `index` are the frame; at most the stride. Past the
    /// end nothing happens.
    pub fn set_len(&mut self, index: usize, len: usize) {
        if let Some(slot) = self.lens.get_mut(index) {
            // At most MAX_STRIDE, which fits.
            *slot = len.min(self.stride) as u32;
        }
    }

    /// Puts `frame` into slot `index`, cut to the stride.
    pub fn set(&mut self, index: usize, frame: &[u8]) {
        let slot = self.slot_mut(index);
        let len = frame.len().min(slot.len());
        slot[..len].copy_from_slice(&frame[..len]);
        self.set_len(index, len);
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let filled = self.lens.iter().filter(|&&len| len > 0).count();
        f.debug_struct("Batch")
            .field("capacity", &self.capacity())
            .field("stride", &self.stride)
            .field("filled", &filled)
            .finish()
    }
}
