-- Configs of one training digest train the same with one seed; empty for a config that shares no training.
ALTER TABLE configs ADD COLUMN training_digest TEXT NOT NULL DEFAULT '';

-- Recipes of one digest may differ in settings that change no result (a note, checkpoints). The canonical recipe of a
-- config where it is not the one that `recipes` has under its digest; NULL where it is.
ALTER TABLE configs ADD COLUMN variant BLOB;

-- Which images of a validation split were right. Image i is bit i % 8 of byte i / 8, lowest bit first. Trials whose
-- outcome was taken from an earlier sweep have no rows of their own: look under the trial that `outcomes.reused_` names.
CREATE TABLE predictions (
    sweep INTEGER NOT NULL,
    config INTEGER NOT NULL,
    replicate INTEGER NOT NULL,
    split TEXT NOT NULL,
    rows INTEGER NOT NULL,           -- images
    digest TEXT NOT NULL,            -- SHA-256 of `correct`, hex
    correct BLOB NOT NULL,
    PRIMARY KEY (sweep, config, replicate, split),
    FOREIGN KEY (sweep, config, replicate) REFERENCES outcomes (sweep, config, replicate)
) STRICT;
