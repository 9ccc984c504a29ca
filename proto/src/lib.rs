//! The wire contract of sweeper, version 1.
//!
//! `sweeper/v1/common.proto` holds what both services speak of, `worker.proto` the five calls of a worker,
//! `control.proto` the calls of users. The generated code is in [`v1`]; nothing here is written by hand but the
//! two constants below.

/// Version of the contract. Coordinator and worker of different versions refuse each other at `Join`.
pub const PROTOCOL_VERSION: u32 = 1;

/// Encoded descriptor set of every service, for gRPC reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// Largest message that either side accepts, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Generated types, clients and servers of package `sweeper.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]
pub mod v1 {
    tonic::include_proto!("sweeper.v1");
}
