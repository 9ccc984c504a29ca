-- Configs of one recipe before this one in its sweep, where every trial has a seed of its own: part of its trials' seeds.
-- Sweeps of earlier versions keep the seeds that they have.
ALTER TABLE configs ADD COLUMN twins_before INTEGER NOT NULL DEFAULT 0;
