import type { BreakerItem, ThrottleItem } from '../../../src/api/contract.ts';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import type { Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { ActMenu } from './act-menu.tsx';
import { throttlesInForce } from './attention.ts';
import { blameText } from './noisy-picture.tsx';
import { evidenceSentence, latencyText, shareText } from './noisy-text.ts';
import { ThrottleBadge } from './throttle-badge.tsx';

interface SuspectsProps {
  look: NeighborsAnswer;
  /** The tenant that the address names, shown first. */
  chosen: string | undefined;
  throttles: readonly ThrottleItem[];
  breakers: readonly BreakerItem[];
  mayAct: boolean;
  zone: Zone;
  query: URLSearchParams;
  onActed: () => void;
}

const MOST_SHOWN = 3;

/** Who is named: chosen by the reader, or suspected. Nobody while nobody is hurt. */
function namedOf({ look, chosen }: SuspectsProps): string[] {
  const suspected = look.verdict === 'quiet' ? [] : look.suspects.slice(0, MOST_SHOWN).map((one) => one.tenant_id);
  return [...new Set([...(chosen === undefined ? [] : [chosen]), ...suspected])];
}

/** Each with the blame and its evidence, what holds it already, and what can be done. */
export function Suspects(props: SuspectsProps) {
  const named = namedOf(props);
  if (named.length === 0) return null;
  return (
    <section class="suspects" aria-label="Who may be at it">
      {named.map((tenantId) => (
        <Suspect key={tenantId} tenantId={tenantId} {...props} />
      ))}
    </section>
  );
}

function Suspect({ tenantId, look, ...props }: SuspectsProps & { tenantId: string }) {
  const now = useNow();
  const suspect = look.verdict === 'quiet' ? undefined : look.suspects.find((one) => one.tenant_id === tenantId);
  const load = look.load?.tenants.find((one) => one.tenant_id === tenantId);
  const isAccused = look.verdict === 'culprit' && look.suspects[0]?.tenant_id === tenantId;
  const held = throttlesInForce(props.throttles, now).filter((one) => one.tenant_id === tenantId);
  return (
    <article class="card suspect" data-testid="suspect" data-tenant={tenantId}>
      <header class="suspect-head">
        <h3>
          <Link href={tenantHref(tenantId, props.query)}>{tenantId}</Link>
        </h3>
        {held.map((one) => (
          <ThrottleBadge key={one.id} mode={one.mode} expiresAt={one.expires_at} now={now} />
        ))}
        {suspect !== undefined && (
          <span
            class={`badge ${isAccused ? 'anomaly' : ''}`}
            title="Blame, 0 to 1: its share of all excess use, times how much of its own use is excess"
          >
            Blame {blameText(suspect.score)}
          </span>
        )}
      </header>
      <p>{suspect === undefined ? standingText(load) : evidenceSentence(suspect)}</p>
      {props.mayAct && (
        <ActMenu
          tenantId={tenantId}
          currentRate={load === undefined ? null : load.requests_per_minute / 60}
          breakers={props.breakers}
          zone={props.zone}
          onDone={props.onActed}
        />
      )}
    </article>
  );
}

function standingText(load: NonNullable<NeighborsAnswer['load']>['tenants'][number] | undefined): string {
  if (load === undefined) return 'It used nothing of this service lately.';
  return `Its share of the load: ${shareText(load.share, load.usual_share)}. P95: ${latencyText(load.p95_ms, load.usual_p95_ms)}.`;
}
