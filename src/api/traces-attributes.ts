/**
 * What of a span's attributes goes out to whom. Spans hold what apps put there, and apps put tokens, statements and stack
 * traces there: nobody gets what is named like a secret, and tenants get only what is about their own use of the service.
 */
export type Attributes = Readonly<Record<string, string>>;

/** `token` alone, as `tokens` are what AI calls use. Names are cut at dots, dashes, underscores and capitals before. */
const SECRET_WORDS = new Set([
  'authorization',
  'auth',
  'cookie',
  'cookies',
  'credential',
  'credentials',
  'passwd',
  'password',
  'pwd',
  'secret',
  'secrets',
  'session',
  'token',
  'jwt',
  'bearer',
  'signature',
]);
const SECRET_PAIRS = /\b(?:api|access|private|secret|client|encryption) key\b|\bconnection string\b/;
const HIDDEN = '(hidden)';

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

export function looksSecret(name: string): boolean {
  const words = wordsOf(name);
  return words.some((word) => SECRET_WORDS.has(word)) || SECRET_PAIRS.test(words.join(' '));
}

/** Values that carry their secret inside: user info of an address, a bearer token in a text. */
const SECRET_IN_VALUE = [
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1(hidden)@'],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 (hidden)'],
  [/([?&](?:access_token|api_key|apikey|key|password|secret|sig|signature|token)=)[^&\s#]+/gi, '$1(hidden)'],
] as const;

export function withoutSecrets(value: string): string {
  return SECRET_IN_VALUE.reduce((text, [pattern, into]) => text.replaceAll(pattern, into), value);
}

/** Statement texts, addresses, headers, hosts, messages and content of prompts are not among them. */
const FOR_TENANTS = new Set([
  'tenant_id',
  'http.request.method',
  'http.method',
  'http.route',
  'http.response.status_code',
  'http.status_code',
  'http.request.body.size',
  'http.response.body.size',
  'db.system.name',
  'db.system',
  'db.operation.name',
  'db.operation',
  'db.collection.name',
  'db.response.returned_rows',
  'messaging.system',
  'messaging.operation.name',
  'rpc.system',
  'rpc.method',
  'error.type',
  'exception.type',
  'gen_ai.operation.name',
  'gen_ai.provider.name',
  'gen_ai.request.model',
  'gen_ai.response.model',
]);
const PREFIXES_FOR_TENANTS = ['gen_ai.usage.', 'tenantry.cache.'];

function isForTenants(name: string): boolean {
  return FOR_TENANTS.has(name) || PREFIXES_FOR_TENANTS.some((prefix) => name.startsWith(prefix));
}

/** What may go out. Secrets stay as names with "(hidden)" for staff; tenants are not told of what is not theirs. */
export function shownAttributes(attributes: Attributes, forTenant: boolean): Record<string, string> {
  const entries = Object.entries(attributes).filter(
    ([name]) => !forTenant || (isForTenants(name) && !looksSecret(name)),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, looksSecret(name) ? HIDDEN : withoutSecrets(value)]));
}

/** Attribute texts of one answer, in characters: 2,000 spans with all that each may bring would be 100 MB. */
const BUDGET = 4_000_000;

/** Gives out room for attributes until there is none left; spans come earliest first, so the beginning stays whole. */
export function attributeBudget(total = BUDGET): (attributes: Record<string, string>) => Record<string, string> {
  let left = total;
  return (attributes) => {
    const kept: Record<string, string> = {};
    for (const [name, value] of Object.entries(attributes)) {
      const size = name.length + value.length;
      if (size > left) continue;
      left -= size;
      kept[name] = value;
    }
    return kept;
  };
}
