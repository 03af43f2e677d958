import type { Defence } from './defence.ts';

const ROTATION = ['test/store/postgres/key-rotation.test.ts'];

/** What keeps a secret, a session and a record from meaning more than they should. */
export const IDENTITY_DEFENCES: readonly Defence[] = [
  {
    name: 'end of an old secret',
    promise: 'a secret that was rotated away works to the end of its grace and no longer',
    file: 'src/store/postgres/key-store.ts',
    from: '[previousSha256, { ...key, expiresAt: previousUntil, isPrevious: true }],',
    to: '[previousSha256, { ...key, expiresAt: undefined, isPrevious: true }],',
    tests: ROTATION,
  },
  {
    name: 'an old secret does not outlive its key',
    promise: 'the end that a key was made with holds for the secret that it was made with',
    file: 'src/store/postgres/key-rotation.ts',
    from: 'then least(expires_at, clock_timestamp() + make_interval(secs => $4::float8)) end,',
    to: 'then clock_timestamp() + make_interval(secs => $4::float8) end,',
    tests: ROTATION,
  },
  {
    name: 'keys of a tenant are those that it made',
    promise: "a tenant's people change no key of the operator's",
    file: 'src/store/postgres/key-rows.ts',
    from: '($2::text is null or (tenant_id = $2 and made_by_tenant))',
    to: '($2::text is null or (tenant_id = $2))',
    tests: ROTATION,
  },
  {
    name: 'keys that prove nothing',
    promise: 'a signature that anybody could have made opens nothing',
    file: 'src/api/jwt-keys.ts',
    from: 'const keys = set.keys.filter(mayVerify);',
    to: 'const keys = set.keys;',
    tests: ['test/api/jwt-keys.test.ts'],
  },
  {
    name: 'sessions end with the role',
    promise: 'who loses a role loses the sessions that were made with it',
    file: 'src/api/members.ts',
    from: 'if (request.body.role !== undefined) await issuer?.endSessionsOf(tenantId, member.email);',
    to: '',
    tests: ['test/api/escalation.test.ts'],
    only: 'is out at once',
  },
  {
    name: 'an aborted transaction is not committed',
    promise: 'what was rolled back is not told to have been done',
    file: 'src/store/postgres/postgres.ts',
    from: "if (isOpen && (await client.query('commit')).command === 'COMMIT') return;",
    to: "if ((await client.query('commit')).command !== '') return;",
    tests: ['test/store/postgres/two-tenants-load.test.ts'],
    only: 'see no row of the other',
  },
  {
    name: 'the request in the audit log',
    promise: 'every record names the request by which it came about',
    file: 'src/api/guard.ts',
    from: 'actor: { ...caller.actor, requestId: request.id }',
    to: 'actor: caller.actor',
    tests: ['test/api/request-id.test.ts'],
  },
  {
    name: 'signatures of heads',
    promise: 'a head that somebody else put beside the database vouches for nothing',
    file: 'src/app/audit-anchor.ts',
    from: 'isSignedBy(this.#options.key.publicKey, signedText(kept), kept.signature);',
    to: 'kept.signature !== undefined;',
    tests: ['test/app/audit-anchor.test.ts'],
    only: 'heads outside',
  },
];
