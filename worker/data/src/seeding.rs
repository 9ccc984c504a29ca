//! All randomness of a training: a counter-based generator, so that each number is a pure function of
//! (seed, domain, epoch, index). Nothing depends on what was drawn before, on the worker, the thread or the time.
//!
//! The generator is that of the crate `sweeper-counter`, the part of whose counter is the epoch.

pub use sweeper_counter::{Stream, philox};

/// What a number is drawn for. Equal positions in different domains are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// Initial weights; the epoch word is the parameter's position in creation order.
    Init = 1,
    /// Order of training images.
    Order = 2,
    /// Which training images are mirrored; the index is the image's position in the epoch's order.
    Flip = 3,
    /// The unbalanced column; the epoch word is 0 for the class order, 1 for the rows.
    Split = 4,
    /// Mixing of two seeds into one.
    Mix = 5,
    /// Training images drawn with replacement.
    Sample = 6,
    /// What `data.split_seed` decides; the epoch word is 0 for the share that validates, 1 for the noise of synthetic
    /// images, 2 for their classes' patterns.
    Divide = 7,
    /// Start of self-attention's power iteration; the epoch word is the position of its weight in creation order.
    PowerIteration = 8,
    /// Which part of a training image is seen; 32 indices for each position in the epoch's order.
    Crop = 10,
    /// How far a training image is moved, by position in the epoch's order.
    Translate = 11,
    /// Where a training image loses a square, by position in the epoch's order.
    Cutout = 12,
    /// Which boxes of a batch become noise, and which noise; 64 indices for each position in the epoch's order.
    Erase = 13,
    /// How strongly images are mixed, by place in the batch.
    Mixup = 14,
    /// Which images are mixed with each other.
    MixupPartner = 15,
}

/// Added to the epoch word where a pass over the training split evaluates instead of training.
pub const EVALUATION_PASS: u32 = 1 << 31;

impl From<Domain> for u32 {
    fn from(domain: Domain) -> Self {
        domain as Self
    }
}

/// One seed from two, for a draw that depends on both.
#[must_use]
pub fn mix(seed: u64, with: u64) -> u64 {
    Stream::new(seed, Domain::Mix, 0).bits(with)
}
