/** Addresses of the pages, both ways. Tenant ids are other people's text: they are encoded and decoded here only. */
export interface PathMatch<Entry> {
  readonly entry: Entry;
  readonly params: Readonly<Record<string, string>>;
}

/** The parts of `path` behind the colons of `pattern`, or undefined where the two do not fit. */
function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.length > 1 && path.endsWith('/') ? path.slice(0, -1).split('/') : path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? '';
    if (!part.startsWith(':')) {
      if (part !== text) return undefined;
      continue;
    }
    if (text === '') return undefined;
    try {
      params[part.slice(1)] = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return params;
}

/** The first entry whose path fits; undefined where there is none. A slash at the end changes nothing. */
export function matchPath<Entry extends { readonly path: string }>(
  entries: readonly Entry[],
  path: string,
): PathMatch<Entry> | undefined {
  for (const entry of entries) {
    const params = paramsOf(entry.path, path);
    if (params !== undefined) return { entry, params };
  }
  return undefined;
}

/** The names in `query` that mean the same on every page; the rest belongs to one page and stays there. */
const SHARED_NAMES = ['range', 'from', 'to'];

function sharedQuery(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => SHARED_NAMES.includes(name)));
}

/** `path` with what the present address says about the range. */
export function pageHref(path: string, query: URLSearchParams): string {
  return withQuery(path, sharedQuery(query));
}

export function tenantsHref(query: URLSearchParams): string {
  return pageHref('/', query);
}

export function tenantHref(tenantId: string, query: URLSearchParams): string {
  return pageHref(`/tenants/${encodeURIComponent(tenantId)}`, query);
}

export function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
