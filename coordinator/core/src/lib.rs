//! The pure scheduling core: no clock, socket, file, thread or random source. Time and seeds are arguments.
//!
//! Map: [`ids`] names · [`spec`] what a sweep is · [`plan`] trials and seeds of a spec · [`record`] the durable facts ·
//! [`state`] what the facts add up to, and `apply`, the only function that changes it · [`scheduler`] leases, fencing,
//! retries, cancellation: decides and emits facts · [`explain`] why a trial is where it is · `number` floats in JSON.
//!
//! `tests/simulation.rs` proves it in seeded worlds of lost, repeated, late messages and crashes.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod explain;
pub mod ids;
mod number;
pub mod plan;
pub mod record;
pub mod scheduler;
pub mod spec;
pub mod state;
