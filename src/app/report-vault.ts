import type { AlertTarget } from '../domain/alert.ts';
import type { TargetVault } from '../store/postgres/alert-route-store.ts';
import type { ReportVault } from '../store/postgres/report-schedule-store.ts';

/** The box of alert routes, with the same keys, in a drawer of its own: nothing sealed for one opens for the other. */
export function reportVault(vault: TargetVault): ReportVault {
  const drawer = (scheduleId: string) => `report-schedule ${scheduleId}`;
  return {
    seal: (scheduleId, target) => vault.seal(drawer(scheduleId), { channel: 'webhook', ...target }),
    open: (scheduleId, sealed) => {
      const opened = vault.open(drawer(scheduleId), sealed);
      if ('problem' in opened) return opened;
      const { target } = opened;
      return isWebhook(target) ? { target } : { problem: 'its target is of another kind; set the schedule up anew' };
    },
    isCurrent: (sealed) => vault.isCurrent(sealed),
  };
}

function isWebhook(target: AlertTarget): target is Extract<AlertTarget, { channel: 'webhook' }> {
  return target.channel === 'webhook';
}
