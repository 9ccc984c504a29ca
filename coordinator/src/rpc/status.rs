//! Errors as gRPC statuses.

use super::{limits, wire::Invalid};
use crate::driver::DriverError;
use sweeper_core::scheduler::SubmitError;
use tonic::{Code, Status};

/// A status whose message fits into a header.
pub(super) fn status(code: Code, message: &str) -> Status {
    let mut end = message.len().min(limits::MAX_MESSAGE_HEADER_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let cut = if end < message.len() { "…" } else { "" };
    Status::new(code, format!("{}{cut}", &message[..end]))
}

impl From<Invalid> for Status {
    fn from(error: Invalid) -> Self {
        let code = match error {
            Invalid::TooMany { .. } => Code::ResourceExhausted,
            _ => Code::InvalidArgument,
        };
        status(code, &error.to_string())
    }
}

impl From<DriverError> for Status {
    fn from(error: DriverError) -> Self {
        let code = match &error {
            // All of these mean that this coordinator is ending and its successor will know better.
            DriverError::Stopped
            | DriverError::Store(_)
            | DriverError::Restore { .. }
            | DriverError::Defect(_)
            | DriverError::Thread(_) => Code::Unavailable,
            DriverError::UnknownWorker(_) | DriverError::UnknownSweep(_) | DriverError::UnknownTrial(_) => {
                Code::NotFound
            }
            DriverError::Submit(SubmitError::NameBusy { .. }) => Code::AlreadyExists,
            DriverError::Submit(SubmitError::NoTrials) => Code::InvalidArgument,
            DriverError::Submit(SubmitError::TooManyTrials { .. }) => Code::ResourceExhausted,
            DriverError::Submit(SubmitError::Internal(_)) => Code::Internal,
        };
        status(code, &error.to_string())
    }
}
