import { createHmac, randomBytes } from 'node:crypto';
import type { DemoTenant } from './tenants.ts';

export const ISSUER = 'https://id.demo.example';
export const AUDIENCE = 'demo-saas';
export const BASE_DOMAIN = 'demo.example';
export const TENANT_HEADER = 'x-demo-tenant';

/** Signs the demo's tokens and lets the app verify them; made anew in every process. */
export const TOKEN_SECRET: Uint8Array = randomBytes(32);

const TOKEN_SECONDS = 24 * 3_600;

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signToken(tenant: DemoTenant): string {
  const expires = Math.floor(Date.now() / 1_000) + TOKEN_SECONDS;
  const unsigned = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: `user-of-${tenant.id}`,
    exp: expires,
    org: tenant.id,
    plan: tenant.plan,
  })}`;
  return `${unsigned}.${createHmac('sha256', TOKEN_SECRET).update(unsigned).digest('base64url')}`;
}

const tokens = new Map<string, { readonly token: string; readonly renewAt: number }>();

function tokenOf(tenant: DemoTenant): string {
  const held = tokens.get(tenant.id);
  if (held !== undefined && Date.now() < held.renewAt) return held.token;
  const token = signToken(tenant);
  tokens.set(tenant.id, { token, renewAt: Date.now() + (TOKEN_SECONDS * 1_000) / 2 });
  return token;
}

/** The headers by which this tenant's clients say whose request it is. */
export function identityHeaders(tenant: DemoTenant): Record<string, string> {
  if (tenant.access === 'jwt') return { authorization: `Bearer ${tokenOf(tenant)}` };
  if (tenant.access === 'subdomain') return { host: `${tenant.id}.${BASE_DOMAIN}` };
  return { [TENANT_HEADER]: tenant.id };
}
