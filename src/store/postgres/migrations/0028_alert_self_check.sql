-- A kind of its own for what the self-check finds, so that it can be routed apart.

alter table tenantry.alerts drop constraint alerts_kind_check;
alter table tenantry.alerts add constraint alerts_kind_check
  check (kind in ('finding', 'throttle', 'spend_threshold', 'breaker_flapping', 'page', 'data_health', 'self_check'));
alter table tenantry.alert_mutes drop constraint alert_mutes_kind_check;
alter table tenantry.alert_mutes add constraint alert_mutes_kind_check
  check (kind in ('finding', 'throttle', 'spend_threshold', 'breaker_flapping', 'page', 'data_health', 'self_check'));
