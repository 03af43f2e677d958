/** Addresses of the pages, both ways. Tenant ids are other people's text: they are encoded and decoded here only. */
export type Route =
  | { readonly page: 'tenants' }
  | { readonly page: 'tenant'; readonly tenantId: string }
  | { readonly page: 'not-found' };

export function parsePath(path: string): Route {
  if (path === '/' || path === '/tenants' || path === '/tenants/') return { page: 'tenants' };
  const match = /^\/tenants\/([^/]+)\/?$/.exec(path);
  if (match?.[1] === undefined) return { page: 'not-found' };
  try {
    return { page: 'tenant', tenantId: decodeURIComponent(match[1]) };
  } catch {
    return { page: 'not-found' };
  }
}

/** The names in `query` that mean the same on every page; the rest belongs to one page and stays there. */
const SHARED_NAMES = ['range', 'from', 'to'];

function sharedQuery(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => SHARED_NAMES.includes(name)));
}

export function tenantsHref(query: URLSearchParams): string {
  return withQuery('/', sharedQuery(query));
}

export function tenantHref(tenantId: string, query: URLSearchParams): string {
  return withQuery(`/tenants/${encodeURIComponent(tenantId)}`, sharedQuery(query));
}

export function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
