/** The alert route form's values, and what they are as a request. Names of fields are those of the request's body. */
import type { FieldProblems } from '../shared/form-problems.ts';

export const ROUTE_DRAFT = {
  name: '',
  channel: 'slack' as string,
  'target.url': '',
  'target.routing_key': '',
  'target.region': 'us',
  'target.authorization': '',
  'target.signing_secret': '',
  'target.to': '',
  'match.min_severity': 'warning',
  'match.kinds': '',
  'match.plans': '',
  'match.tenants': '',
  group_by: 'tenant',
  group_wait_seconds: '10',
  group_interval_seconds: '60',
  repeat_seconds: '',
  'escalation.route_id': '',
  'escalation.after_seconds': '900',
  quiet: false as boolean,
  'quiet_hours.time_zone': 'UTC',
  'quiet_hours.from': '22:00',
  'quiet_hours.to': '07:00',
  'quiet_hours.days': 'every day',
  'quiet_hours.except_from': 'critical',
};
export type RouteDraft = typeof ROUTE_DRAFT;

const DAYS_OF: Readonly<Record<string, readonly number[]>> = {
  'every day': [0, 1, 2, 3, 4, 5, 6],
  weekdays: [1, 2, 3, 4, 5],
  weekends: [0, 6],
};
export const QUIET_DAYS = Object.keys(DAYS_OF);

/** "acme, bolt" as its parts. */
function listOf(text: string): string[] {
  return [...new Set(text.split(/[,\n]/).map((part) => part.trim()))].filter((part) => part !== '');
}

const URL_CHANNELS: readonly string[] = ['slack', 'alertmanager', 'webhook'];

export function hasUrl(channel: string): boolean {
  return URL_CHANNELS.includes(channel);
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** What can be seen without the server, which looks at everything again. */
export function checkRoute(draft: RouteDraft): FieldProblems {
  const problems: Record<string, string> = {};
  const want = (name: keyof RouteDraft, isRight: boolean, problem: string) => {
    if (!isRight) problems[name] = problem;
  };
  want('name', draft.name.trim() !== '', 'Give it a name that people recognise.');
  if (hasUrl(draft.channel)) {
    want('target.url', isWebAddress(draft['target.url'].trim()), 'An address such as https://hooks.example.com/…');
  }
  if (draft.channel === 'pagerduty') {
    const isKey = /^[A-Za-z0-9]{32}$/.test(draft['target.routing_key'].trim());
    want('target.routing_key', isKey, 'The integration key of a service: 32 letters and digits.');
  }
  if (draft.channel === 'webhook') {
    const isSecret = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(draft['target.signing_secret'].trim());
    want('target.signing_secret', isSecret, 'whsec_ and 24 to 64 bytes in base64. “Make one” does that.');
  }
  if (draft.channel === 'email') want('target.to', listOf(draft['target.to']).length > 0, 'At least one address.');
  for (const name of ['group_wait_seconds', 'group_interval_seconds'] as const) {
    want(name, /^\d{1,6}$/.test(draft[name].trim()), 'A whole number of seconds.');
  }
  want('repeat_seconds', /^\d{0,6}$/.test(draft.repeat_seconds.trim()), 'A whole number of seconds, or nothing.');
  return problems;
}

function targetOf(draft: RouteDraft): Record<string, unknown> {
  const { channel } = draft;
  const url = draft['target.url'].trim();
  switch (channel) {
    case 'pagerduty':
      return { channel, routing_key: draft['target.routing_key'].trim(), region: draft['target.region'] };
    case 'alertmanager': {
      const authorization = draft['target.authorization'].trim();
      return { channel, url, authorization: authorization === '' ? null : authorization };
    }
    case 'webhook':
      return { channel, url, signing_secret: draft['target.signing_secret'].trim() };
    case 'email':
      return { channel, to: listOf(draft['target.to']) };
    default:
      return { channel, url };
  }
}

/** The body of POST /v1/alert-routes. */
export function routeBody(draft: RouteDraft): Record<string, unknown> {
  const except = draft['quiet_hours.except_from'];
  return {
    name: draft.name.trim(),
    target: targetOf(draft),
    match: {
      min_severity: draft['match.min_severity'],
      kinds: listOf(draft['match.kinds']),
      plans: listOf(draft['match.plans']),
      tenants: listOf(draft['match.tenants']),
    },
    group_by: listOf(draft.group_by),
    group_wait_seconds: Number(draft.group_wait_seconds),
    group_interval_seconds: Number(draft.group_interval_seconds),
    repeat_seconds: draft.repeat_seconds.trim() === '' ? null : Number(draft.repeat_seconds),
    escalation:
      draft['escalation.route_id'] === ''
        ? null
        : { route_id: draft['escalation.route_id'], after_seconds: Number(draft['escalation.after_seconds']) },
    quiet_hours: draft.quiet
      ? {
          time_zone: draft['quiet_hours.time_zone'].trim(),
          from: draft['quiet_hours.from'].trim(),
          to: draft['quiet_hours.to'].trim(),
          days: DAYS_OF[draft['quiet_hours.days']] ?? DAYS_OF['every day'],
          except_from: except === '' ? null : except,
        }
      : null,
  };
}
