#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Figures are read back: as XML, and each coordinate against the view box.

mod made;
mod properties;
mod read;
mod refusals;
mod snapshots;
mod styles;
