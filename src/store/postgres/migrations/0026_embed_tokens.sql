-- Tokens for frames in the operator's product. The token itself is not kept: it is signed, and these rows say which of
-- those that are still good were given out to whom, and which were taken back.
create table tenantry.embed_tokens (
  tenant_id text not null references tenantry.tenants (tenant_id),
  token_id uuid not null default gen_random_uuid(),
  -- The operator's name for whoever looks; for the log alone.
  embed_user text check (length(embed_user) between 1 and 128),
  views text[] not null check (cardinality(views) > 0),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null check (expires_at > created_at),
  revoked_at timestamptz,
  revoked_by text,
  primary key (tenant_id, token_id)
);
-- What has expired is swept out by its time, whoever it was of.
create index embed_tokens_expired on tenantry.embed_tokens (expires_at);
-- Taking one back names the token alone.
create index embed_tokens_by_id on tenantry.embed_tokens (token_id);
call tenantry.protect_tenant_table('tenantry.embed_tokens');
-- Nothing for tenantry_app: rows name the operator's people, and a frame has no business with others of its tenant.
grant select, insert, update, delete on tenantry.embed_tokens to tenantry_staff;
