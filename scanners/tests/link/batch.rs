//! The batch never writes where it was not told to.

use proptest::prelude::*;
use sortie_scanners::link::Batch;

proptest! {
    #[test]
    fn a_slot_holds_what_was_put_in_it_whatever_happens_to_the_others(
        slots in 0_usize..20,
        stride in 0_usize..40,
        writes in prop::collection::vec((0_usize..25, prop::collection::vec(any::<u8>(), 0..60)), 0..60),
    ) {
        let mut batch = Batch::new(slots, stride);
        let mut expected = vec![Vec::new(); 25];
        for (index, frame) in &writes {
            batch.set(*index, frame);
            if *index < slots {
                expected[*index] = frame[..frame.len().min(batch.stride())].to_vec();
            }
        }
        for (index, frame) in expected.iter().enumerate() {
            prop_assert_eq!(batch.slot(index), frame);
        }
    }
}

#[test]
fn a_template_outlives_the_length_of_its_slot() {
    let mut batch = Batch::new(2, 8);
    batch.set(1, b"template");
    batch.set_len(1, 0);
    assert_eq!(batch.slot(1), b"");
    batch.slot_mut(1)[0] = b'T';
    batch.set_len(1, 100);
    assert_eq!(batch.slot(1), b"Template");
}
