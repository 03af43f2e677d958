import type { BackupRun, Backups, BackupsAnswer } from '../../src/api/backups-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { BackupFigures, BackupFiguresQuestion } from '../../src/domain/backup-figures.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { HOUR_MS } from '../../src/domain/window.ts';

const AT = 1_750_000_000_000;

export class MemoryBackups implements Backups {
  answer: BackupsAnswer = {
    ...{ isConfigured: true, maxAgeMs: 26 * HOUR_MS, run: null },
    kept: [{ name: 'tenantry-20250615T150640000Z', cutAt: AT, bytes: 10, version: '0.1.0' }],
    status: {
      lastBackup: {
        ...{ name: 'tenantry-20250615T150640000Z', folder: '/srv/backups/tenantry-20250615T150640000Z' },
        ...{ cutAt: AT, finishedAt: AT + 1_000, bytes: 10, tookMs: 1_000 },
      },
    },
  };
  readonly begun: (string | undefined)[] = [];
  readonly asked: BackupFiguresQuestion[] = [];

  async look() {
    return this.answer;
  }

  async begin(_actor: StaffActor, order: string | undefined): Promise<BackupRun> {
    if (this.answer.run?.state === 'running') throw new TenantryError('CONFLICT', 'A backup is being made already.');
    this.begun.push(order);
    const run: BackupRun = {
      ...{ id: 'run-1', state: 'running', startedAt: AT, endedAt: null, step: 'waiting', done: 0, total: 0, bytes: 0 },
      ...{ name: null, removed: [], heldMs: null, sharedBytes: null, detail: null, hint: null },
    };
    this.answer = { ...this.answer, run };
    return run;
  }

  async figures(_actor: StaffActor, question: BackupFiguresQuestion): Promise<BackupFigures> {
    this.asked.push(question);
    return {
      bounds: { untouchedUntil: AT, keptFrom: AT },
      clickhouse: [{ table: 'spans', rows: 2, digest: '7', sums: { Requests: '2' } }],
      postgres: [{ table: 'caps', rows: 1, hashes: ['ff'], everyManieth: 1 }],
      readers: [{ question: 'GET /v1/tenants', answer: '[]' }],
    };
  }
}
