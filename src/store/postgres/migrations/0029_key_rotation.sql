-- A key may be given a new secret while the one before goes on working for a while: apps are moved over one by one, and
-- none of them is refused meanwhile. Two secrets at most: whoever rotates again has to end the older one first.
alter table tenantry.keys
  add column rotated_at timestamptz,
  add column rotated_by text,
  -- Of the secret before the last rotation; set as long as it may still be shown until when it works.
  add column previous_sha256 text unique check (previous_sha256 ~ '^[0-9a-f]{64}$'),
  add column previous_until timestamptz,
  -- Tells whether anything still has to be moved over.
  add column previous_used_at timestamptz,
  add constraint keys_previous_whole
    check ((previous_sha256 is null) = (previous_until is null) and previous_sha256 is distinct from sha256);
