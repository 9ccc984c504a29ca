//! `serve`: a coordinator that waits for sweeps and workers.

use super::output;
use crate::{
    driver::{Driver, DriverHandle},
    error::{Exit, Failure},
    rpc,
    store::Store,
    telemetry,
};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};
use sweeper_core::scheduler::Settings;

/// Arguments of `sweeper serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sweeper serve --state state --listen 127.0.0.1:7733\n\nStop it with Ctrl-C or SIGTERM; started again on the same state directory it goes on where it was."
)]
pub(super) struct ServeArgs {
    /// State directory; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "sweeper-state")]
    state: PathBuf,
    /// Address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7733")]
    listen: SocketAddr,
    /// Allow an address beyond this machine although traffic is neither encrypted nor authenticated
    #[arg(long)]
    allow_insecure: bool,
    /// Seconds without a heartbeat after which a trial is given to another worker
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    lease_term: u64,
    /// Seconds between a worker's heartbeats; well below the lease term
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    heartbeat: u32,
    /// Log format
    #[arg(long, value_enum, default_value_t = telemetry::Format::Human)]
    log_format: telemetry::Format,
}

pub(super) async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    if u64::from(args.heartbeat) * 2 > args.lease_term {
        let message = format!("--heartbeat {} leaves no room in --lease-term {}", args.heartbeat, args.lease_term);
        return Err(Failure::new(Exit::Usage, message).hint("a lease should outlast at least two heartbeats"));
    }
    telemetry::init(args.log_format);
    let store = Store::open(&args.state)?;
    let lock = args.state.join("lock");
    let options = rpc::ServeOptions { heartbeat_ms: args.heartbeat * 1_000, allow_insecure: args.allow_insecure };
    let listener = rpc::listen(args.listen, &options).await?;
    let address = listener.local_addr().map_err(|e| Failure::new(Exit::AddressInUse, e))?;
    let handle = Driver::start(store, Settings { lease_term_ms: args.lease_term * 1_000 })?;
    output::note(&format!(
        "coordinator at http://{address}, state in {}\nworkers join with `sweeper-worker --coordinator http://{address}`",
        args.state.display()
    ));
    let mut server = tokio::spawn(rpc::serve(listener, handle.clone(), options, super::process::interrupted()));
    tokio::select! {
        served = &mut server => {
            served.map_err(|e| Failure::new(Exit::Internal, e))??;
            handle.stop().await;
            output::note("coordinator stopped; everything acknowledged is in the state directory");
            Ok(Exit::Ok)
        }
        failure = stopped(&handle) => Err(failure),
        failure = super::process::vanished(&lock) => Err(failure),
    }
}

/// Resolves when the driver stopped on an error of the store.
async fn stopped(handle: &DriverHandle) -> Failure {
    handle.closed().await.into()
}
