import { type SetAsideRow, setAside } from '../aggregate/queries/across-tenants/set-aside.ts';
import type { Quarantine } from '../api/quarantine-ports.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { QuarantinedRequest } from '../domain/quarantine.ts';
import { DAY_MS, SECOND_MS } from '../domain/window.ts';
import type { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';
import type { AuditLog } from '../store/postgres/audit-log.ts';

const SET_ASIDE_DAYS = 7;
const SET_ASIDE_ROWS = 200;

interface QuarantineDeskOptions {
  readonly folder: QuarantineFolder;
  readonly clickhouse: AnalyticsReader;
  readonly audit: Pick<AuditLog, 'append'>;
  readonly now?: () => number;
}

/** What could not be loaded. Both ways out are recorded, and before they are gone: afterwards nothing else tells of it. */
export function quarantineDesk({ folder, clickhouse, audit, now = Date.now }: QuarantineDeskOptions): Quarantine {
  const record = (actor: Parameters<AuditLog['append']>[0], action: string, item: QuarantinedRequest) => {
    const { id, signal, reason, bytes, keyId } = item;
    const before = { signal, bytes, key_id: keyId, reason: reason.slice(0, 300) };
    return audit.append(actor, { action, resource: `quarantine/${id}`, before });
  };
  return {
    list: (limit) => folder.list(limit),
    show: (id) => folder.show(id),
    setAside: async () => {
      const window = { from: now() - SET_ASIDE_DAYS * DAY_MS, to: now() };
      const rows = await clickhouse.rows<SetAsideRow>(setAside(window, SET_ASIDE_ROWS));
      return rows.map(({ kind, reason, service, key_id: keyId, n, first_at: first, last_at: last, example }) => ({
        ...{ kind, reason, service, keyId, example, count: Number(n) },
        ...{ firstAt: first * SECOND_MS, lastAt: last * SECOND_MS },
      }));
    },
    replay: async (actor, id) => {
      const item = await folder.find(id);
      if (item?.kind === 'refused') await record(actor, 'quarantine.replay', item);
      return folder.replay(id);
    },
    drop: async (actor, id) => {
      const item = await folder.find(id);
      if (item !== undefined) await record(actor, 'quarantine.drop', item);
      return folder.drop(id);
    },
  };
}
