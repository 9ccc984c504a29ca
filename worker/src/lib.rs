//! A worker: one process on one device, and the supervisor that starts one per device.
//!
//! Map: `supervisor` one child process per device, restarts with back-off · `session` join, acquire, train, report ·
//! `lease_keeper` heartbeats while the training thread runs · `outbox` outcomes are on disk before they are sent ·
//! `trainer` what a session needs of a trainer · `synthetic` a trainer with a known effect and no libtorch.

pub mod trainer;
