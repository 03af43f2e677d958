import type { ComponentChildren } from 'preact';
import type { ApiError } from './api-client.ts';
import { Link } from './navigation.tsx';

/** A whole page (or card) that has no figures to show: says what is the case and what to do next. */
export function Notice(props: {
  title: string;
  children: ComponentChildren;
  testId: string;
  alert?: boolean;
  /** It stands for a whole page: its title is the page's heading. */
  whole?: boolean;
}) {
  return (
    <section class="notice" data-testid={props.testId} role={props.alert ? 'alert' : undefined}>
      {props.whole ? <h1>{props.title}</h1> : <h2>{props.title}</h2>}
      {props.children}
    </section>
  );
}

function SignInNeeded() {
  return (
    <Notice title="Sign in to see this page" testId="sign-in-needed">
      <p>
        Open the sign-in link that Tenantry printed in its terminal when it started. It signs this browser in; then come
        back to this address.
      </p>
      <p class="muted">
        Each link works once and for 15 minutes. Has it been used or expired? Start Tenantry again: it prints a new one.
      </p>
    </Notice>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading …
    </p>
  );
}

/** The error in full, for when there is nothing older to show. */
export function ErrorState(props: { error: ApiError; onRetry: () => void; children?: ComponentChildren }) {
  const { error } = props;
  if (error.status === 401) return <SignInNeeded />;
  const hint = error.problem?.hint ?? defaultHint(error.status);
  return (
    <Notice title={error.problem?.title ?? 'No figures right now'} testId="error-state" alert>
      <p>{error.message}</p>
      <p>{hint}</p>
      <p class="notice-actions">
        <button type="button" class="button primary" onClick={props.onRetry}>
          Try again
        </button>
        {props.children}
      </p>
      {error.problem && (
        <p class="muted small">
          {error.problem.code}, request <code>{error.problem.request_id}</code>
        </p>
      )}
    </Notice>
  );
}

function defaultHint(status: number): string {
  if (status === 0) return 'Check that Tenantry is running and that this device reaches it. This page keeps trying.';
  if (status === 403) return 'Your role does not allow this. Sign in with a link of the role sre or admin.';
  if (status >= 500) return "Tenantry's log says more. This page keeps trying.";
  return 'Check the address of this page.';
}

/** One line above figures that are still on the screen but no longer renewed. */
export function NotUpdating(props: { error: ApiError; since: string; onRetry: () => void }) {
  const isSignedOut = props.error.status === 401;
  const what = isSignedOut ? 'You are signed out: open a new sign-in link' : props.error.message.replace(/\.$/, '');
  return (
    <div class="banner bad" role="status" data-testid="not-updating">
      <span>
        <strong>Not updating since {props.since}.</strong> {what}. The figures below are from then.
      </span>
      <button type="button" class="button small" onClick={props.onRetry}>
        Try now
      </button>
    </div>
  );
}

/** The very first start: no span has ever come. */
export function NoSpansYet() {
  return (
    <Notice title="No spans yet" testId="no-spans">
      <p>
        Tenantry shows figures as soon as an app sends it OpenTelemetry traces. Point any app that has an OTLP/HTTP
        exporter at it, with the ingest key that was printed at the start:
      </p>
      <pre>
        <code>
          {[
            `OTEL_EXPORTER_OTLP_ENDPOINT=http://${location.hostname}:4318`,
            'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
            'OTEL_EXPORTER_OTLP_HEADERS=x-tenantry-key=<ingest key>',
          ].join('\n')}
        </code>
      </pre>
      <p>
        Spans count for a tenant when they carry the attribute <code>tenant_id</code>. In Node the middleware sets it on
        every span of a request: <code>import {'{ startTenantry }'} from 'tenantry'</code>. Just looking?{' '}
        <code>npm run demo</code> fills this page by itself.
      </p>
      <p>
        <Link class="button primary" href="/setup">
          Send your first span, step by step
        </Link>
      </p>
      <p class="muted small">This page updates by itself when the first span arrives.</p>
    </Notice>
  );
}

/** The page is made for other roles: said once, in place of a page of refusals. */
export function NotForRole(props: { role: string; home: string }) {
  return (
    <Notice title="This page is not for your role" testId="error-state" alert whole>
      <p>You are signed in with the role {props.role}, which is not shown what is on this page.</p>
      <p>Ask an admin for a sign-in link of another role, or go on from your own pages.</p>
      <p>
        <Link href={props.home}>To your first page</Link>
      </p>
    </Notice>
  );
}

export function NotFound(props: { what: string; whole?: boolean }) {
  return (
    <Notice title="Nothing here" testId="not-found" whole={props.whole ?? false}>
      <p>{props.what}</p>
      <p>
        <Link href="/">To the first page</Link>
      </p>
    </Notice>
  );
}
