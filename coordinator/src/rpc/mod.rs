//! The tonic services: wire to core and back, every field checked, then a call of the driver.
//!
//! Map: `worker` the calls of workers · `control` the calls of users · `wire` messages to core values · `limits`
//! bounds, all in one place · `status` errors as gRPC statuses.

mod control;
pub mod limits;
mod status;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub use wire::{Invalid, OtherTrainer};

use crate::driver::DriverHandle;
use control::Control;
use std::{future::Future, io, net::SocketAddr, time::Duration};
use sweeper_proto::{
    DESCRIPTOR_SET, MAX_MESSAGE_BYTES,
    v1::{control_service_server::ControlServiceServer, worker_service_server::WorkerServiceServer},
};
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::{Server, server::TcpIncoming};
use worker::Workers;

/// How often an idle connection is probed, and how long the answer may take.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long calls under way may take to end after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// Calls that one connection may have open at once.
const MAX_STREAMS: u32 = 1_024;

/// How to serve.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// How often workers should send a heartbeat, in milliseconds.
    pub heartbeat_ms: u32,
    /// Listen beyond this machine although traffic is neither encrypted nor authenticated.
    pub allow_insecure: bool,
}

/// Why serving ended or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from other machines, and nothing protects it.
    #[error("{address} can be reached from other machines, but traffic is neither encrypted nor authenticated")]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// The listener has no address.
    #[error("cannot tell where we listen: {0}")]
    Address(#[source] io::Error),
    /// The address is taken by another program.
    #[error("{address} is in use by another program")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The descriptors cannot be served.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server failed.
    #[error("the server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Listens on an address.
///
/// # Errors
/// [`ServeError::Insecure`], [`ServeError::AddressInUse`], [`ServeError::Listen`].
pub async fn listen(address: SocketAddr, options: &ServeOptions) -> Result<TcpListener, ServeError> {
    check_address(address, options)?;
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse { address },
        _ => ServeError::Listen { address, source },
    })
}

/// Refuses an address that other machines can reach, unless that was asked for in so many words.
///
/// # Errors
/// [`ServeError::Insecure`].
pub fn check_address(address: SocketAddr, options: &ServeOptions) -> Result<(), ServeError> {
    if address.ip().is_loopback() || options.allow_insecure { Ok(()) } else { Err(ServeError::Insecure { address }) }
}

/// Serves until `shutdown` resolves or the driver ends. Then calls that wait for work are answered at once, and others
/// get a few seconds to end.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    driver: DriverHandle,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    check_address(listener.local_addr().map_err(ServeError::Address)?, &options)?;
    let worker = WorkerServiceServer::new(Workers { driver: driver.clone(), heartbeat_ms: options.heartbeat_ms })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let control = ControlServiceServer::new(Control { driver: driver.clone() })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<WorkerServiceServer<Workers>>().await;
    health.set_serving::<ControlServiceServer<Control>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (stopping, mut stop) = watch::channel(false);
    let ending = async move {
        tokio::select! { () = shutdown => {} _ = driver.closed() => {} }
        health.set_not_serving::<WorkerServiceServer<Workers>>().await;
        health.set_not_serving::<ControlServiceServer<Control>>().await;
        driver.drain();
        stopping.send_replace(true);
    };
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_concurrent_streams(MAX_STREAMS)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(worker)
        .add_service(control)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), ending);
    let out_of_patience = async move {
        // The sender lives as long as the server, or is gone together with it.
        let _ = stop.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        served = server => Ok(served?),
        () = out_of_patience => {
            tracing::warn!("some connections did not end in time and are cut");
            Ok(())
        }
    }
}
