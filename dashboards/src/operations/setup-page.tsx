import { useState } from 'preact/hooks';
import type { SetupBody } from '../../../src/api/setup-contract.ts';
import { setFilter } from '../shared/filter-bar.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import { isFor, type PageProps } from '../shared/page.ts';
import { pageHref } from '../shared/router.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/setup.css';
import '../styles/telemetry.css';
import { CopyButton } from './copy-button.tsx';
import { IngestTabs } from './ingest-tabs.tsx';
import { setupCheck } from './setup-check.ts';
import { KEY_VARIABLE, keyLine, LANGUAGE_NAMES, languageOf, SETUP_LANGUAGES, setupTexts } from './setup-snippets.ts';
import { Snippet } from './snippet.tsx';
import { createIngestKey, setup } from './telemetry-api.ts';

const REFRESH_MS = 2_000;
const DEFAULT_SERVICE = 'my-service';
const DEFAULT_PORT = 4318;

/** From nothing to the first span of a service, step by step. */
export function SetupPage({ query, who }: PageProps) {
  const live = useLive('setup', setup, REFRESH_MS);
  return (
    <>
      <div class="page-head">
        <h1>Send your first span</h1>
      </div>
      <IngestTabs current="/setup" query={query} who={who} />
      <Loaded live={live}>{(body) => <Steps body={body} query={query} mayMakeKeys={isFor(who, ['admin'])} />}</Loaded>
    </>
  );
}

/** Names of services go into shell lines: only what needs no quoting there. */
const serviceOf = (text: string | null) =>
  (text ?? '').replaceAll(/[^A-Za-z0-9._-]/g, '').slice(0, 64) || DEFAULT_SERVICE;

function Steps(props: { body: SetupBody; query: URLSearchParams; mayMakeKeys: boolean }) {
  const { body, query } = props;
  const [key, setKey] = useState<string | undefined>();
  const language = languageOf(query.get('language'));
  const service = serviceOf(query.get('service'));
  const endpoint = `${location.protocol}//${location.hostname}:${body.otlp_http_port ?? DEFAULT_PORT}`;
  const texts = setupTexts(language, { endpoint, apiUrl: location.origin, service });
  const check = setupCheck(body, service);
  return (
    <div class="steps">
      <section class={`step card${key === undefined ? '' : ' done'}`} aria-label="Key">
        <h2>Take a key</h2>
        <p>
          Apps show a key with what they send. Put it into the environment of the app as <code>{KEY_VARIABLE}</code>: a
          key in a file ends up in a repository.
        </p>
        <KeyStep {...props} made={key} onMade={setKey} service={service} />
        <Snippet name="Terminal" text={keyLine(key)} testId="snippet-key" />
      </section>
      <section class="step card" aria-label="Code">
        <h2>Connect the service</h2>
        <div class="page-actions">
          <div class="segmented">
            {SETUP_LANGUAGES.map((one) => (
              <button
                key={one}
                type="button"
                class="segment"
                aria-pressed={one === language}
                onClick={() => setFilter('language', one)}
              >
                {LANGUAGE_NAMES[one]}
              </button>
            ))}
          </div>
          <label class="setup-service">
            <span class="muted small">Service</span>
            <input
              type="text"
              class="filter-text"
              value={query.get('service') ?? DEFAULT_SERVICE}
              maxLength={64}
              onInput={(event) => setFilter('service', event.currentTarget.value.trim())}
            />
          </label>
        </div>
        {body.local_only && (
          <p class="warn-text small">
            Tenantry listens on this machine only. For apps elsewhere set <code>TENANTRY_HOST=0.0.0.0</code> and start
            it again.
          </p>
        )}
        {body.otlp_http_port === null && (
          <p class="warn-text small">
            No ingest process has told its port here; {DEFAULT_PORT} is the usual one. Start it with{' '}
            <code>tenantry ingest</code>.
          </p>
        )}
        {body.otlp_grpc_port !== null && (
          <p class="muted small" data-testid="setup-transports">
            OTLP/gRPC is taken as well, at{' '}
            <code>{`${location.protocol}//${location.hostname}:${body.otlp_grpc_port}`}</code> with the same key (
            <code>OTEL_EXPORTER_OTLP_PROTOCOL=grpc</code>), and <code>http/json</code> at the address below.
          </p>
        )}
        {texts.map(({ name, text }, index) => (
          <Snippet key={`${language} ${name}`} name={name} text={text} testId={`snippet-${index}`} />
        ))}
      </section>
      <section class={`step card${check.state === 'arrived' ? ' done' : ''}`} aria-label="Check">
        <h2>See it arrive</h2>
        <p role="status" data-testid="setup-check" data-state={check.state}>
          <strong>{check.text}</strong>
        </p>
        {check.advice !== null && <p class={check.state === 'waiting' ? 'muted' : 'warn-text'}>{check.advice}</p>}
        {check.state === 'arrived' && (
          <p class="notice-actions">
            <Link class="button primary" href={pageHref('/', query)}>
              See the tenants
            </Link>
            <Link class="button" href={pageHref('/attribution', query)}>
              How much names a tenant
            </Link>
          </p>
        )}
        <p class="muted small">
          A tenant is looked for in {body.tenant_attributes.join(', ')}: on the span, then on its resource.
        </p>
      </section>
    </div>
  );
}

function KeyStep(props: {
  mayMakeKeys: boolean;
  made: string | undefined;
  service: string;
  onMade: (key: string) => void;
}) {
  const { made } = props;
  if (made !== undefined) {
    return (
      <p class="secret-once" role="status">
        <code data-testid="made-key">{made}</code>
        <CopyButton text={made} />
        <span class="small">It is shown this once: only its hash is kept.</span>
      </p>
    );
  }
  if (!props.mayMakeKeys) {
    return (
      <p class="muted small">
        An admin can make a key here, or with `tenantry key create`. The first one was printed when Tenantry started.
      </p>
    );
  }
  let secret: string | undefined;
  return (
    <p>
      <AskButton
        label="Make a key"
        title="Make a key for this service"
        action="Make it"
        testId="make-key"
        class="button primary"
        onConfirm={async () => {
          secret = (await createIngestKey(`first set-up of ${props.service}`)).key;
        }}
        onDone={() => {
          if (secret !== undefined) props.onMade(secret);
        }}
      >
        <p>It may send telemetry and read flags for every tenant. You can revoke it at any time.</p>
      </AskButton>
    </p>
  );
}
