-- E-mail as a channel, targets sealed under a key that the database does not hold, and messages that can be told apart.

alter table tenantry.alert_routes drop constraint alert_routes_channel_check;
alter table tenantry.alert_routes add constraint alert_routes_channel_check
  check (channel in ('slack', 'pagerduty', 'alertmanager', 'webhook', 'email'));

-- What stands in `target` was written before there was a key; the server seals it when it starts.
alter table tenantry.alert_routes alter column target drop not null;
alter table tenantry.alert_routes add column sealed_target text check (length(sealed_target) <= 20000);
alter table tenantry.alert_routes add constraint alert_routes_one_target
  check ((target is null) <> (sealed_target is null));
grant update on tenantry.alert_routes to tenantry_staff;

-- Set when a notice is first claimed and kept over attempts: whoever tries again, after whatever crash, tells the same
-- notices together under the same key.
alter table tenantry.alert_notices add column message_key text check (length(message_key) <= 100);
-- The message that told the trigger first: what follows answers it.
alter table tenantry.alert_notices add column first_message_key text check (length(first_message_key) <= 100);
