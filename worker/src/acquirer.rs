//! Asks for work whenever the board has room for it, and puts it there.

use crate::{
    backoff::Backoff,
    board::{Board, Held},
    link::{CallError, Joined, Link, describe},
    wire::{self, Attempt},
};
use std::time::{Duration, Instant};
use sweeper_proto::v1::Lease;
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// How long an idle worker's call waits for work at the coordinator.
const WAIT: Duration = Duration::from_secs(20);

/// Runs until the coordinator refuses this worker; returns its words.
pub(crate) async fn run(link: &Link, board: &Board) -> String {
    let mut capacity = board.capacity();
    let mut trouble = Backoff::calls();
    // Answers that bring nothing new, quickly: the coordinator has no work and does not wait either.
    let mut nothing = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
    loop {
        let wanted = *capacity.borrow_and_update();
        if wanted == 0 {
            nothing.reset();
            changed(&mut capacity).await;
            continue;
        }
        let asked = Instant::now();
        // A call that is dropped because the board changed loses nothing: the next one returns the same open leases.
        let answer = tokio::select! {
            answer = ask(link, wanted) => answer,
            () = changed(&mut capacity) => continue,
        };
        let pause = match answer {
            Ok((at, leases)) => {
                trouble.reset();
                let accepted = leases.into_iter().filter(|lease| accept(board, &at, lease)).count();
                if accepted > 0 {
                    nothing.reset();
                    continue;
                }
                if asked.elapsed() > WAIT / 2 { Duration::ZERO } else { nothing.jittered() }
            }
            Err(CallError::Refused(why)) => return why,
            Err(CallError::Later(status)) => {
                if trouble.is_fresh() {
                    warn!(error = describe(&status), "cannot ask for work; trying again");
                } else {
                    debug!(error = describe(&status), "cannot ask for work");
                }
                trouble.jittered()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed(&mut capacity) => {}
        }
    }
}

async fn ask(link: &Link, capacity: u32) -> Result<(Joined, Vec<Lease>), CallError> {
    let at = link.joined().await?;
    // A training worker looks; only an idle one waits, as its answer would hold the running lease and come at once.
    let wait = if capacity == 1 { WAIT } else { Duration::ZERO };
    let leases = link.acquire(&at, capacity, wait).await?;
    Ok((at, leases))
}

async fn changed(capacity: &mut watch::Receiver<u32>) {
    if capacity.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn accept(board: &Board, at: &Joined, lease: &Lease) -> bool {
    let Some(id) = lease.id.map(Attempt::from) else {
        warn!("a lease without an id is ignored");
        return false;
    };
    let held =
        Held { id, store: at.store.clone(), recipe_digest: lease.recipe_digest.clone(), task: wire::task(id, lease) };
    let accepted = board.accept(held);
    if accepted {
        info!(trial = %id, sweep = lease.sweep_name, config = lease.config_name, "took a trial");
    }
    accepted
}
