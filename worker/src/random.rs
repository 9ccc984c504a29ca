//! Names that no other process has. Nothing here ever touches a training.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// 64 fresh bits. The standard library seeds its hash keys from the operating system.
pub(crate) fn bits() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// `digits` random hex digits, at most 32.
pub(crate) fn hex(digits: usize) -> String {
    let mut text = format!("{:016x}{:016x}", bits(), bits());
    text.truncate(digits);
    text
}

/// A number in [0, 1).
pub(crate) fn fraction() -> f64 {
    // 53 bits are what a double holds exactly.
    (bits() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_fractions_stay_in_range() {
        assert_ne!(hex(32), hex(32));
        assert_eq!(hex(8).len(), 8);
        for _ in 0..1_000 {
            assert!((0.0..1.0).contains(&fraction()));
        }
    }
}
