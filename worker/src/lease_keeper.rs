//! Heartbeats with progress while the training thread works; a lease that was taken away becomes a stop flag.

use crate::{
    backoff::Backoff,
    board::Board,
    link::{CallError, Link, describe},
    wire::Attempt,
};
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// Runs until the coordinator refuses this worker; returns its words.
pub(crate) async fn run(link: &Link, board: &Board) -> String {
    let mut trouble = Backoff::calls();
    loop {
        let at = match link.joined().await {
            Ok(at) => at,
            Err(CallError::Refused(why)) => return why,
            Err(CallError::Later(_)) => continue,
        };
        let next = Instant::now() + at.heartbeat;
        match link.heartbeat(&at, board.held()).await {
            Ok(revoked) => {
                if !trouble.is_fresh() {
                    info!("the coordinator answers again");
                    trouble.reset();
                }
                for revocation in revoked {
                    let Some(id) = revocation.id.map(Attempt::from) else { continue };
                    // One that ended here meanwhile is no news.
                    if board.revoke(id, &revocation.reason) {
                        info!(trial = %id, reason = revocation.reason, "the coordinator took a trial back");
                    }
                }
                tokio::time::sleep_until(next).await;
            }
            Err(CallError::Refused(why)) => return why,
            Err(CallError::Later(status)) => {
                if trouble.is_fresh() {
                    warn!(error = describe(&status), "a heartbeat got no answer; training goes on");
                } else {
                    debug!(error = describe(&status), "a heartbeat got no answer");
                }
                tokio::time::sleep(trouble.jittered().min(at.heartbeat)).await;
            }
        }
    }
}
