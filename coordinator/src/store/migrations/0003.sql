-- Looks at the results so far of sweeps with a stopping rule: replicates 0 to `replicates` - 1 of every config of the
-- stratum that was not decided before entered.
CREATE TABLE looks (
    fact INTEGER PRIMARY KEY,
    sweep INTEGER NOT NULL REFERENCES sweeps (sweep),
    stratum TEXT NOT NULL,
    replicates INTEGER NOT NULL,
    until INTEGER,                   -- replicates below this might run before the next look; NULL: all
    cancelled INTEGER NOT NULL,      -- open trials that it made superfluous
    at_ms INTEGER NOT NULL,
    UNIQUE (sweep, stratum, replicates)
) STRICT;

-- Configs that a look decided. Their trials of `replicates` and above are not needed; those that were open are
-- 'Cancelled', and their attempts too.
CREATE TABLE stops (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicates INTEGER NOT NULL,
    why TEXT NOT NULL CHECK (why IN ('different', 'equivalent', 'futile', 'nothing-left')),
    fact INTEGER NOT NULL REFERENCES looks (fact),
    PRIMARY KEY (sweep, config),
    FOREIGN KEY (sweep, config) REFERENCES configs (sweep, config)
) STRICT, WITHOUT ROWID;
CREATE INDEX stops_by_look ON stops (fact);
