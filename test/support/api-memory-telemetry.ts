import type { Attribution, AttributionAnswer } from '../../src/api/attribution-ports.ts';
import type { DetectorRuns, LoopStanding } from '../../src/api/detector-runs-ports.ts';
import type { IngestHealth, IngestHealthAnswer } from '../../src/api/ingest-health-ports.ts';
import type { Quarantine, SetAsideGroup } from '../../src/api/quarantine-ports.ts';
import type { Setup, SetupAnswer } from '../../src/api/setup-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { QuarantinedDetail } from '../../src/domain/quarantine.ts';
import type { Window } from '../../src/domain/window.ts';
import { MemoryAudit } from './api-memory-audit.ts';
import { MemoryBackups } from './api-memory-backups.ts';

const AT = 1_750_000_000_000;

class MemoryIngestHealth implements IngestHealth {
  answer: IngestHealthAnswer = {
    ...{ checkedAt: AT, verdict: { level: 'ok', text: 'All is well.', advice: null }, intake: undefined, delay: null },
    loader: {
      ...{ loadedSegments: 3, waitingSegments: 0, oldestWaitingMs: 0, lastLoadMs: 900 },
      ...{ trouble: undefined, troubleSince: undefined },
    },
    ...{ endToEndMs: null, spansPerMinute: null, quarantined: 0, services: [], keys: [] },
    ...{ findings: [], selfCheck: undefined, spoolFullAt: null, clocks: [], quarantinedBytes: 0 },
    history: { since: AT, minutes: [{ at: AT, spans: null, refused: null, spoolBytes: null, waitingMs: 0 }] },
  };

  async look() {
    return this.answer;
  }
}

class MemoryQuarantine implements Quarantine {
  readonly items: QuarantinedDetail[] = [];
  readonly aside: SetAsideGroup[] = [];
  readonly acts: string[] = [];

  async list(limit: number) {
    return { items: this.items.slice(0, limit), total: this.items.length };
  }

  async show(id: string) {
    return this.items.find((item) => item.id === id);
  }

  async setAside() {
    return this.aside;
  }

  async replay(actor: StaffActor, id: string) {
    return this.away(actor, 'replay', id);
  }

  async drop(actor: StaffActor, id: string) {
    return this.away(actor, 'drop', id);
  }

  away(actor: StaffActor, act: string, id: string): boolean {
    const at = this.items.findIndex((item) => item.id === id);
    if (at < 0) return false;
    this.items.splice(at, 1);
    this.acts.push(`${act} ${id} by ${actor.subject}`);
    return true;
  }
}

class MemoryAttribution implements Attribution {
  readonly questions: { readonly window: Window; readonly stepSeconds: number }[] = [];
  services: AttributionAnswer['services'] = [];

  async look(window: Window, stepSeconds: number) {
    this.questions.push({ window, stepSeconds });
    return { sample: window, waiting: 4, services: this.services };
  }
}

class MemoryDetectorRuns implements DetectorRuns {
  loops: LoopStanding[] = [];

  read() {
    return this.loops;
  }
}

class MemorySetup implements Setup {
  answer: SetupAnswer = {
    ...{
      otlpHttpPort: 4318,
      otlpGrpcPort: 4317,
      isLocalOnly: true,
      tenantAttributes: ['tenant_id'],
      withoutKey: 0,
      services: [],
    },
  };

  async look() {
    return this.answer;
  }
}

/** The ports that answer about Tenantry itself. */
export function memoryTelemetry() {
  return {
    audit: new MemoryAudit(),
    ingestHealth: new MemoryIngestHealth(),
    quarantine: new MemoryQuarantine(),
    backups: new MemoryBackups(),
    attribution: new MemoryAttribution(),
    detectorRuns: new MemoryDetectorRuns(),
    setup: new MemorySetup(),
  };
}
