-- A part of a GPU's memory: how its limit is set, and what the machine's agent measures of it.
alter table instances
  -- What its container was made with; empty for whole GPUs, none, and what was made before this was known.
  add column split_setup        text,
  -- GPU memory of its own programs as it was measured last, and the most since its present stretch of the ledger began.
  add column gpu_memory_bytes   bigint,
  add column gpu_memory_at      timestamptz,
  add column gpu_memory_peak    bigint,
  -- A program of it uses the GPU without the library that limits it.
  add column split_bare         boolean not null default false,
  -- Since when its share is broken, and when that was told last.
  add column split_broken_since timestamptz,
  add column split_told_at      timestamptz,
  add constraint instances_split_setup_known check (split_setup in ('held', 'no-library', 'image'));
