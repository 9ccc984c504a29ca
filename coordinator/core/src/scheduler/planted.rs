//! Bugs on demand: the simulation must catch each of them, or it proves nothing.

/// A bug planted into the scheduler. For tests of the simulation only; nothing else may use it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantedBug {
    /// A failure or release of an earlier attempt ends the trial's present lease.
    FencingOff,
    /// Leases never expire.
    ExpiryOff,
    /// A second outcome is accepted like the first.
    DoubleAccept,
    /// A restart forgets the deadline of one open lease.
    RestoreDropsDeadline,
    /// A heartbeat for a lost lease renews whatever lease the trial has now.
    StaleHeartbeatRenews,
    /// An expired lease counts against the trial's attempt limit.
    LossCountsAsFailure,
    /// The leases of a replaced worker stay open.
    ReplacedKeepsLeases,
    /// A trial that kills its processes is leased again for ever.
    DeathsNeverCount,
    /// Trials that share a training are served like others.
    SiblingsForgotten,
    /// A trial that waits for a look is leased like others.
    HeldServed,
    /// The leases that a look ended keep their deadlines.
    LookKeepsDeadlines,
}
