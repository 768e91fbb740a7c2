//! The receipts of this carrier: the id of the message and the handle of the delivery.
//!
//! SQS takes handles alone. The id tells which message a receipt is of, so that this process
//! knows when it has received a message again.

use task_core::ports::transport::Receipt;

/// The receipt of a delivery. Both are what SQS calls `MessageId` and `ReceiptHandle`, as a
/// Lambda gets them with its event, too.
///
/// ```
/// use sortie_transports::sqs;
///
/// let receipt = sqs::receipt("19dd0b57-b21e-4ac1-bd88-01bbb068cb78", "MessageReceiptHandle");
/// assert!(receipt.text().is_some());
/// ```
pub fn receipt(message_id: &str, handle: &str) -> Receipt {
    Receipt::from_text(format!("{message_id} {handle}"))
}

/// What SQS wants; `None` for a receipt of another carrier.
pub(super) fn handle(receipt: &Receipt) -> Option<&str> {
    receipt
        .text()
        .map(|text| text.split_once(' ').map_or(text, |(_, handle)| handle))
}

pub(super) fn message_id(receipt: &Receipt) -> Option<&str> {
    receipt
        .text()
        .and_then(|text| text.split_once(' '))
        .map(|(id, _)| id)
}
