import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { START } from './api-harness.ts';

export const ISSUER = 'https://id.example.test/';
export const AUDIENCE = 'tenantry-edge';
export const SECONDS = START / 1_000;

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

export async function makeSigningKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return {
    ...{ kid, alg, publicJwk, publicKey, privateKey },
    sign: (claims, header = {}) =>
      new SignJWT(withoutAbsent(claims) as JWTPayload)
        .setProtectedHeader({ alg, kid, ...withoutAbsent(header) })
        .sign(privateKey),
  };
}

function withoutAbsent(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** Good registered claims; undefined takes one away. */
export function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'user-1', iat: SECONDS, exp: SECONDS + 3_600, ...changes };
}

/** A provider's key set on the loopback, which counts who asks and does what it is told to. */
export interface KeySetServer {
  readonly url: string;
  readonly asked: number;
  /** What is answered next; a text is sent as it is. */
  answer: { status: number; body: unknown; headers?: Record<string, string> };
  close(): Promise<void>;
}

export async function startKeySet(keys: readonly JWK[]): Promise<KeySetServer> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    const { status, body, headers } = running.answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const running: KeySetServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    get asked() {
      return asked;
    },
    answer: { status: 200, body: { keys } },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return running;
}
