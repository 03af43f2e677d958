import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalText, dividedRounded, scaledDecimal } from '../../src/domain/decimal.ts';
import { exactJsonText, isExactObject, JsonNumber, parseExactJson } from '../../src/domain/exact-json.ts';
import { canonicalJsonPath, jsonPathText } from '../../src/domain/json-path.ts';
import { eventValues } from '../../src/domain/usage-event.ts';

describe('a decimal', () => {
  it.each([
    ['12.5', 12_500_000_000n],
    ['-0.0000000005', -1n],
    ['0.0000000004999', 0n],
    ['1e3', 1_000_000_000_000n],
    ['25E-1', 2_500_000_000n],
    ['+7', 7_000_000_000n],
    ['0e999999999', 0n],
    ['1e-999999999', 0n],
    ['00012', 12_000_000_000n],
  ])('%s is %s billionths', (text, expected) => {
    expect(scaledDecimal(text, 9)).toBe(expected);
  });

  it.each(['', '.', '1.', '.5', '1,5', ' 1', '0x10', 'NaN', 'Infinity', '1e', '1e999999999', '1e61', '--1', '١'])(
    '%j is none',
    (text) => {
      expect(scaledDecimal(text, 9)).toBeUndefined();
    },
  );

  it('comes back from its text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(12), (value, places) => {
        expect(scaledDecimal(decimalText(value, places), places)).toBe(value);
      }),
    );
  });

  it('is divided to the nearest, halves away from zero', () => {
    expect([7n, 5n, -5n, 4n, -4n].map((value) => dividedRounded(value, 10n))).toEqual([1n, 1n, -1n, 0n, 0n]);
    expect(dividedRounded(5n, -10n)).toBe(-1n);
  });
});

describe('exact JSON', () => {
  it('says what JSON.parse says of everything, but keeps the digits of numbers', () => {
    const plain = (value: unknown): unknown =>
      value instanceof JsonNumber
        ? Number(value.text)
        : Array.isArray(value)
          ? value.map(plain)
          : typeof value === 'object' && value !== null
            ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
            : value;
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!JSON.stringify(JSON.parse(text)).includes('\\u0000'));
        const parsed = parseExactJson(text);
        expect(plain(parsed)).toEqual(plain(JSON.parse(text)));
        expect(JSON.parse(exactJsonText(parsed))).toEqual(JSON.parse(text));
      }),
    );
    const digits = '{"a":[1.10,12345678901234567890,-0.1e-7],"b":"1.10 \\"2\\""}';
    expect(exactJsonText(parseExactJson(digits))).toBe(digits);
  });

  it.each(['{"a":"\\u0000"}', '{"a\\u0000":1}', '{"a":01}', '[1,]', '', '{"a":1}x', '"', '[NaN]'])(
    'refuses %s',
    (text) => {
      expect(() => parseExactJson(text)).toThrow(SyntaxError);
    },
  );
});

describe('a JSON path', () => {
  it.each([
    ['$.tokens', '$.tokens'],
    ["$['tokens'][0].x", '$.tokens[0].x'],
    ["$['a b']['it\\'s']", "$['a b']['it\\'s']"],
    ["$.usage['input_tokens']", '$.usage.input_tokens'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalJsonPath(text)).toBe(canonical);
    expect(canonicalJsonPath(canonical)).toBe(canonical);
  });

  it.each([
    '',
    '$',
    'tokens',
    '$.',
    '$..a',
    '$.*',
    '$[*]',
    '$[-1]',
    '$[0:2]',
    '$.a b',
    "$['a",
    '$[?(@.x)]',
    `$.${'a'.repeat(600)}`,
  ])('%j is none, or names more than one value', (text) => {
    expect(canonicalJsonPath(text)).toBeUndefined();
  });

  it('is the same whether it is read or made of steps', () => {
    const step = fc.oneof(fc.nat(99), fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        const text = jsonPathText(steps);
        expect(canonicalJsonPath(text)).toBe(text);
      }),
    );
  });
});

describe('the values of an event', () => {
  const valuesOf = (text: string) => {
    const data = parseExactJson(text);
    return isExactObject(data) ? eventValues(data) : undefined;
  };

  it('are found by their paths, texts that write numbers as both', () => {
    expect(valuesOf('{"a":{"b c":[1.50,null,true]},"zip":"007","big":1e25,"__proto__":{"x":1}}')).toEqual({
      numbers: { "$.a['b c'][0]": '1.5', '$.zip': '7', '$.__proto__.x': '1' },
      texts: { "$.a['b c'][0]": '1.5', "$.a['b c'][2]": 'true', '$.zip': '007', '$.big': '1e25', '$.__proto__.x': '1' },
    });
  });

  it('are refused when there are too many or they lie too deep', () => {
    expect(valuesOf(`{"a":[${Array(200).fill('1').join(',')}]}`)).toBeDefined();
    expect(valuesOf(`{"a":[${Array(201).fill('1').join(',')}]}`)).toBeUndefined();
    expect(valuesOf(`${'{"a":'.repeat(10)}1${'}'.repeat(10)}`)).toBeDefined();
    expect(valuesOf(`${'{"a":'.repeat(11)}1${'}'.repeat(11)}`)).toBeUndefined();
  });
});
