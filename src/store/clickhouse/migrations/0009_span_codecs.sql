-- Attributes are most of a span on disk, and repeat: stronger compression makes `npm run bench -- bytes-per-span` about a
-- fifth smaller for 1 to 2 us a span at insert. Durations differ in their low bits only, which T64 cuts to.
-- Parts that are there keep what they were written with until they are merged.
ALTER TABLE spans {{on_cluster}}
    MODIFY COLUMN SpanAttributes CODEC(ZSTD(6)),
    MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6)),
    MODIFY COLUMN Duration CODEC(T64, ZSTD(1));
