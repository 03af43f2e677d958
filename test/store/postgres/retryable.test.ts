import { describe, expect, it } from 'vitest';
import { TenantryError } from '../../../src/domain/errors.ts';
import { asTenantryError, meaningOf } from '../../../src/store/postgres/retryable.ts';

const failure = (code: string | undefined, message = 'insert into secret values (42)') =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('meaningOf', () => {
  it.each([
    ['40001', true, 'STORE_UNAVAILABLE'],
    ['40P01', true, 'STORE_UNAVAILABLE'],
    ['57P01', true, 'STORE_UNAVAILABLE'],
    ['08006', true, 'STORE_UNAVAILABLE'],
    ['ECONNREFUSED', true, 'STORE_UNAVAILABLE'],
    ['57014', false, 'QUERY_TIMEOUT'],
    ['23505', false, 'CONFLICT'],
    ['23503', false, 'BAD_REQUEST'],
    ['28P01', false, 'STORE_UNAVAILABLE'],
  ])('of %s', (code, retryable, as) => {
    expect(meaningOf(failure(code))).toMatchObject({ retryable, as, reason: expect.stringMatching(/\w+ \w+/) });
  });

  it("of the driver's own errors, which have no code", () => {
    for (const text of [
      'timeout exceeded when trying to connect',
      'timeout expired',
      'Connection terminated unexpectedly',
      'Connection terminated due to connection timeout',
      'Query read timeout',
      'Client was closed and is not queryable',
    ]) {
      expect(meaningOf(failure(undefined, text))).toMatchObject({ retryable: true, as: 'STORE_UNAVAILABLE' });
    }
  });

  it('of anything else is undefined, so that a bug is not retried', () => {
    for (const thrown of [
      failure('42601'),
      failure(undefined, 'x is not a function'),
      'text',
      null,
      failure('toString'),
    ]) {
      expect(meaningOf(thrown)).toBeUndefined();
    }
  });
});

describe('asTenantryError', () => {
  it("keeps PostgreSQL's text out of what is shown, and in the cause", () => {
    for (const code of ['23505', '57014', '42601', 'ECONNREFUSED']) {
      const error = asTenantryError(failure(code));
      expect(`${error.message} ${error.hint}`).not.toMatch(/secret|42\)/);
      expect((error.cause as Error).message).toContain('secret');
    }
    expect(asTenantryError(failure('42601')).code).toBe('INTERNAL');
  });

  it('passes our own errors on', () => {
    const own = new TenantryError('NOT_FOUND', 'x');
    expect(asTenantryError(own)).toBe(own);
  });
});
