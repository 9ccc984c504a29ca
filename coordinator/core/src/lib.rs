//! The pure scheduling core: no clock, socket, file, thread or random source. Time and seeds are arguments.
//!
//! Map: `ids` names · `spec` what a sweep is · `plan` trials and seeds of a spec · `record` the durable facts ·
//! `state` what the facts add up to, and `apply` · `scheduler` leases, retries, cancellation · `explain` why a trial
//! is where it is.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ids;
pub mod record;
pub mod spec;
