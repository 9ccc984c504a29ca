-- Times are milliseconds since the Unix epoch. Column `fact` (and `cancel_fact`, `end_fact`, `abandon_fact`) numbers
-- the durable facts in the order in which they were decided: a restart replays them by it. Everything else is meant
-- to be queried. 64-bit seeds are decimal text, because SQLite's integers are signed.

-- One row. `name` is random: ids of two stores look alike, so workers keep the store's name beside them.
CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    facts INTEGER NOT NULL           -- how many there are
) STRICT;
INSERT INTO store (id, name, facts) VALUES (1, lower(hex(randomblob(16))), 0);

-- Canonical recipe (JSON), once per SHA-256 digest.
CREATE TABLE recipes (
    digest TEXT PRIMARY KEY,
    json BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sweeps (
    sweep INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    seed TEXT NOT NULL,
    pairing TEXT NOT NULL,
    priority INTEGER NOT NULL,
    max_failures INTEGER NOT NULL,
    analysis TEXT NOT NULL,          -- the analysis plan, JSON
    digest TEXT NOT NULL,
    plan_digest TEXT NOT NULL,
    toml TEXT NOT NULL,              -- the sweep file as written
    overrides TEXT NOT NULL,         -- JSON array
    trainer_version TEXT NOT NULL,   -- of the coordinator that took the sweep
    submitted_ms INTEGER NOT NULL,
    cancelled_ms INTEGER,
    cancel_reason TEXT,
    fact INTEGER NOT NULL,
    cancel_fact INTEGER
) STRICT;

CREATE TABLE configs (
    sweep INTEGER NOT NULL REFERENCES sweeps (sweep),
    config INTEGER NOT NULL,
    name TEXT NOT NULL,
    stratum TEXT NOT NULL,
    replicates INTEGER NOT NULL,
    recipe_digest TEXT NOT NULL REFERENCES recipes (digest),
    data_key TEXT NOT NULL,
    PRIMARY KEY (sweep, config)
) STRICT, WITHOUT ROWID;
CREATE INDEX configs_by_recipe ON configs (recipe_digest);

CREATE TABLE trials (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    seed TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('Pending', 'Leased', 'Finished', 'Abandoned', 'Cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    abandoned_ms INTEGER,
    abandon_fact INTEGER,
    PRIMARY KEY (sweep, config, replicate),
    FOREIGN KEY (sweep, config) REFERENCES configs (sweep, config)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    worker INTEGER PRIMARY KEY,
    process_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    node TEXT NOT NULL,
    device TEXT NOT NULL,
    software_version TEXT NOT NULL,
    os_pid INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'lost', 'left')),
    joined_ms INTEGER NOT NULL,      -- the last time
    gone_ms INTEGER
) STRICT;

-- Comings and goings; `info` is what a joining worker said of itself, JSON.
CREATE TABLE worker_events (
    fact INTEGER PRIMARY KEY,
    worker INTEGER NOT NULL REFERENCES workers (worker),
    event TEXT NOT NULL CHECK (event IN ('joined', 'left', 'replaced', 'lost')),
    info TEXT,
    at_ms INTEGER NOT NULL
) STRICT;

-- `end` tells how the lease ended. A lease that ended without an outcome has an `end_fact`; the outcome of such an
-- attempt may still come late and be accepted (then `outcomes.attempt` names it).
CREATE TABLE attempts (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker INTEGER NOT NULL REFERENCES workers (worker),
    granted_ms INTEGER NOT NULL,
    end TEXT NOT NULL CHECK (end IN ('open', 'completed', 'diverged', 'expired', 'worker_left', 'failed', 'released',
                                     'superseded', 'cancelled')),
    ended_ms INTEGER,
    error TEXT,                      -- of a failed attempt; the reason of a released one
    log_tail TEXT,
    fact INTEGER NOT NULL,
    end_fact INTEGER,
    PRIMARY KEY (sweep, config, replicate, attempt),
    FOREIGN KEY (sweep, config, replicate) REFERENCES trials (sweep, config, replicate)
) STRICT, WITHOUT ROWID;

-- The one accepted outcome of a trial. Attempt 0: taken from the trial that the `reused_` columns name.
CREATE TABLE outcomes (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker INTEGER,
    reused_sweep INTEGER,
    reused_config INTEGER,
    reused_replicate INTEGER,
    ending TEXT NOT NULL CHECK (ending IN ('completed', 'diverged')),
    diverged_epoch INTEGER,
    diverged_step INTEGER,
    diverged_what TEXT,
    data_digest TEXT NOT NULL,
    trainer_version TEXT NOT NULL,
    parameter_digest TEXT NOT NULL,
    device TEXT NOT NULL,
    library TEXT NOT NULL,
    train_seconds REAL NOT NULL,
    evaluate_seconds REAL NOT NULL,
    accepted_ms INTEGER NOT NULL,
    fact INTEGER NOT NULL,
    PRIMARY KEY (sweep, config, replicate),
    FOREIGN KEY (sweep, config, replicate) REFERENCES trials (sweep, config, replicate)
) STRICT, WITHOUT ROWID;

-- Numbers of the accepted outcomes. A value that is NULL is not a number (NaN).
CREATE TABLE metrics (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    position INTEGER NOT NULL,       -- in the trainer's order
    name TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    value REAL,
    is_final INTEGER NOT NULL CHECK (is_final IN (0, 1)),
    PRIMARY KEY (sweep, config, replicate, position),
    FOREIGN KEY (sweep, config, replicate) REFERENCES outcomes (sweep, config, replicate)
) STRICT, WITHOUT ROWID;

-- Further outcomes of finished trials: determinism checks, never data. `outcome` is JSON.
CREATE TABLE repeats (
    fact INTEGER PRIMARY KEY,
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker INTEGER NOT NULL REFERENCES workers (worker),
    equal INTEGER NOT NULL CHECK (equal IN (0, 1)),
    outcome TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    FOREIGN KEY (sweep, config, replicate) REFERENCES trials (sweep, config, replicate)
) STRICT;
CREATE INDEX repeats_by_trial ON repeats (sweep, config, replicate);

CREATE TABLE data_digests (
    sweep INTEGER NOT NULL REFERENCES sweeps (sweep),
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    fact INTEGER NOT NULL,
    PRIMARY KEY (sweep, key)
) STRICT, WITHOUT ROWID;

-- One row per observed number, with names instead of numbers. The numbers of a training that diverged are there too:
-- a mean over configs wants `WHERE ending = 'completed'`, or must say what became of the others.
CREATE VIEW observations AS
    SELECT s.name AS sweep_name, c.name AS config_name, c.stratum, m.sweep, m.config, m.replicate, m.name AS metric,
           m.epoch, m.value, m.is_final, o.ending
    FROM metrics m JOIN outcomes o USING (sweep, config, replicate) JOIN sweeps s USING (sweep)
         JOIN configs c USING (sweep, config);
