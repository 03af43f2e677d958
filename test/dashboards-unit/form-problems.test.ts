import { describe, expect, it } from 'vitest';
import { fieldAt, placeProblem } from '../../dashboards/src/shared/form-problems.ts';

describe('the field that a pointer is about', () => {
  it.each([
    ['/target/url', ['url', 'target.url'], 'target.url'],
    ['/target/url', ['target', 'url'], 'url'],
    ['/quotas/3/limit', ['plan', 'quotas'], 'quotas'],
    ['/quiet_hours/from', ['quiet_hours.from', 'from'], 'quiet_hours.from'],
    ['/tags/a~1b~0c', ['a/b~c'], 'a/b~c'],
    ['/nowhere', ['name'], undefined],
    ['', ['name', ''], undefined],
  ])('%s among %j', (pointer, names, expected) => {
    expect(fieldAt(pointer, names)).toBe(expected);
  });
});

describe('a refusal', () => {
  const message = 'body field "target.url": must be an http or https address';

  it('stands at its field, without repeating which one it is', () => {
    expect(placeProblem({ message, problem: { pointer: '/target/url', hint: 'see /openapi.json' } }, ['url'])).toEqual({
      fields: { url: 'Must be an http or https address.' },
      form: undefined,
    });
  });

  it('of no field of the form is said whole, with what to do', () => {
    expect(placeProblem({ message, problem: { pointer: '/target/url', hint: 'Do this.' } }, ['name'])).toEqual({
      fields: {},
      form: `${message} Do this.`,
    });
    expect(placeProblem({ message: 'The server cannot be reached' }, ['name'])).toEqual({
      fields: {},
      form: 'The server cannot be reached',
    });
  });
});
