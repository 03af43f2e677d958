import { useState } from 'preact/hooks';
import type { AlertRouteItem, AlertRouteTestResult } from '../../../src/api/alert-contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { Tabs } from '../shared/tabs.tsx';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { asApiError } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { deleteRoute, listRoutes, testRoute } from './alert-api.ts';
import { RouteFormDialog } from './alert-route-form.tsx';
import { ALERT_TABS, CHANNEL_LABELS, matchText, routeTerms } from './alert-text.ts';

const REFRESH_MS = 15_000;

/** Where alerts go, whether that works, and a way to try it. */
export function AlertRoutesPage({ query }: PageProps) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const live = useLive('alert-routes', listRoutes, REFRESH_MS);
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div class="page-head">
        <h1>Alert routes</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New route
          </button>
        </div>
      </div>
      <Tabs label="Alerting" pages={ALERT_TABS} current="/alert-routes" query={query} />
      <Loaded live={live}>
        {(routes) => (
          <>
            <Routes routes={routes} clock={clock} onChanged={live.refresh} />
            {adding && (
              <RouteFormDialog
                routes={routes}
                onClose={() => setAdding(false)}
                onCreated={() => {
                  setAdding(false);
                  live.refresh();
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Routes(props: { routes: readonly AlertRouteItem[]; clock: TimeText; onChanged: () => void }) {
  const { routes } = props;
  const nameOf = (id: string) => routes.find((route) => route.id === id)?.name ?? 'another route';
  if (routes.length === 0) {
    return (
      <section class="card table-empty stack" data-testid="no-routes">
        <h2>No route yet</h2>
        <p>
          Alerts are on the page before this one, but nobody is told. Create a route to Slack, PagerDuty, Alertmanager,
          a webhook or e-mail, then press its test button.
        </p>
      </section>
    );
  }
  return (
    <section class="stack" aria-label="Routes">
      {routes.map((route) => (
        <RouteCard key={route.id} {...props} route={route} nameOf={nameOf} />
      ))}
    </section>
  );
}

function RouteCard(props: {
  route: AlertRouteItem;
  clock: TimeText;
  nameOf: (id: string) => string;
  onChanged: () => void;
}) {
  const { route, clock } = props;
  return (
    <article class="item card" data-testid="route" data-route={route.id}>
      <div class="item-main">
        <p class="item-head">
          <strong>{route.name}</strong>
          <span class="badge">{CHANNEL_LABELS[route.channel]}</span>
        </p>
        <p>Takes {matchText(route)}.</p>
        <p class="muted small">{routeTerms(route, props.nameOf).join(' ')}</p>
        <Health route={route} clock={clock} />
        <p class="muted small">
          By {route.created_by} at {clock.dateMinute(Date.parse(route.created_at))}
        </p>
      </div>
      <div class="item-actions">
        <AskButton
          label="Delete …"
          about={route.name}
          title={`Delete the route ${route.name}?`}
          action="Delete"
          danger
          class="button small danger-quiet"
          onConfirm={() => deleteRoute(route.id)}
          onDone={props.onChanged}
        >
          <p>Nobody is told by it any more.</p>
          {route.health.waiting > 0 && (
            <p class="warn-text">{route.health.waiting} messages that wait for it will not be sent.</p>
          )}
        </AskButton>
        <TestButton route={route} onTested={props.onChanged} />
      </div>
    </article>
  );
}

function Health({ route: { health }, clock }: { route: AlertRouteItem; clock: TimeText }) {
  const at = (text: string) => clock.dateMinute(Date.parse(text));
  const failing =
    health.last_failed_at !== null && (health.last_sent_at === null || health.last_failed_at > health.last_sent_at);
  return (
    <ul class="story small" aria-label="Health">
      {health.problem !== null && <li class="tone-bad">{health.problem}</li>}
      {health.last_sent_at !== null && <li class="tone-ok">Last message arrived at {at(health.last_sent_at)}</li>}
      {health.last_failed_at !== null && failing && (
        <li class="tone-bad">
          Last attempt failed at {at(health.last_failed_at)}
          {health.last_error !== null && `: ${health.last_error}`}
        </li>
      )}
      {health.waiting > 0 && <li class="tone-wait">{health.waiting} waiting</li>}
      {health.dead > 0 && <li class="tone-bad">{health.dead} given up within the last day</li>}
      {health.last_sent_at === null && health.last_failed_at === null && health.problem === null && (
        <li class="tone-wait">Nothing was sent by it yet</li>
      )}
    </ul>
  );
}

type Outcome = 'asking' | AlertRouteTestResult;

/** Sends a message about nothing real and says what the receiver answered. */
function TestButton(props: { route: AlertRouteItem; onTested: () => void }) {
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const test = async () => {
    setOutcome('asking');
    try {
      setOutcome(await testRoute(props.route.id));
    } catch (thrown) {
      setOutcome({ sent: false, detail: asApiError(thrown).message });
    }
    props.onTested();
  };
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={`Send a test by ${props.route.name}`}
        data-testid="test-route"
        disabled={outcome === 'asking'}
        onClick={() => void test()}
      >
        {outcome === 'asking' ? 'Sending …' : 'Send a test'}
      </button>
      <p class="test-outcome small" role="status" data-testid="test-outcome">
        {outcome !== undefined && outcome !== 'asking' && (
          <span class={outcome.sent ? 'good-text' : 'bad-text'}>
            {outcome.sent ? 'Arrived' : 'Did not arrive'}: {outcome.detail}
          </span>
        )}
      </p>
    </>
  );
}
