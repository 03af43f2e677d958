import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePriceCsv } from '../../src/cost/price-csv.ts';
import type { OwnedPrice } from '../../src/cost/price-edit.ts';
import { type ParsedPrices, planDated } from '../../src/cost/price-import.ts';
import { parseLiteLlm } from '../../src/cost/price-litellm.ts';
import type { PriceEntry, PriceTerms } from '../../src/domain/price.ts';
import { priceEntry } from '../support/price-books.ts';

const problems = ({ errors }: ParsedPrices) => errors.map(({ where, reason }) => `${where}: ${reason}`);
const HEAD = 'provider,model,kind,price_usd,per,variant,input_over,effective_from,effective_to';
const csv = (...lines: readonly string[]) => parsePriceCsv([HEAD, ...lines].join('\n'), 'prices.csv');

describe('a price list in CSV', () => {
  it('is read to the last digit, with steps and dates', () => {
    const { terms, errors } = csv(
      'OpenAI,GPT-4o,input,"2.50",,,,2026-01-01,2026-07-01T05:00:00Z',
      'openai,gpt-4o,input,5,1000000,,200000,2026-01-01,2026-07-01T05:00Z',
      'openai,gpt-4o,input,0.0000031,1,,,2026-07-01T05:00Z,',
      'cohere,rerank-*,search_unit,0.002,,batch,,,',
    );
    expect(errors).toEqual([]);
    expect(terms).toMatchObject([
      {
        ...{ provider: 'openai', model: 'gpt-4o', variant: 'standard', source: 'csv', sourceRef: 'prices.csv' },
        rate: { base: 2_500_000n, steps: [{ over: 200_000, pico: 5_000_000n }] },
        ...{ effectiveFrom: Date.UTC(2026, 0), effectiveTo: Date.UTC(2026, 6, 1, 5) },
      },
      { rate: { base: 3_100_000n, steps: [] }, effectiveTo: null },
      { kind: 'search_unit', variant: 'batch', rate: { base: 2_000_000_000n } },
    ]);
  });

  it('takes columns in any order, and only those it needs', () => {
    const text = 'price_usd,kind,model,provider\r\n1,output,m,p\r\n';
    expect(parsePriceCsv(text, '')).toMatchObject({
      errors: [],
      terms: [{ kind: 'output', rate: { base: 1_000_000n } }],
    });
  });

  it.each([
    ['no file', '', /file|line 1/],
    ['a head alone', HEAD, /file: there is no line below the head/],
    ['no column for the price', 'provider,model,kind\na,b,input', /line 1: the column price_usd is missing/],
    [
      'a column that is not known',
      'provider,model,kind,price_usd,currency\na,b,input,1,EUR',
      /line 1: the column "currency" is not known/,
    ],
    [
      'a column that is there twice',
      'provider,model,kind,price_usd,kind\na,b,input,1,input',
      /line 1: the column kind is there twice/,
    ],
    ['bytes that are no text', `${HEAD}\n\uFFFD,b,input,1`, /file: the file is no text in UTF-8/],
    ['an open quote', `${HEAD}\n"a,b,input,1,,,,,`, /line \d+: Quote Not Closed/i],
    ['a line with a field too many', `${HEAD}\na,b,input,1,,,,,,`, /line 2: /],
    ['a comma for the point', `${HEAD}\na,b,input,"2,5",,,,,`, /line 2: price_usd: "2,5" is no decimal number/],
    ['a negative price', `${HEAD}\na,b,input,-1,,,,,`, /line 2: price_usd: a price is not below 0/],
    ['a price that cannot be kept', `${HEAD}\na,b,input,0.0000001,,,,,`, /line 2: price_usd: .*twelve decimal places/],
    ['a kind that is none', `${HEAD}\na,b,inputs,1,,,,,`, /line 2: kind is one of input, output/],
    ['no model', `${HEAD}\na,,input,1,,,,,`, /line 2: model is missing/],
    ['units nobody uses', `${HEAD}\na,b,input,1,100,,,,`, /line 2: per is one of 1, 1000, 1000000/],
    ['a day that is none', `${HEAD}\na,b,input,1,,,,2026-02-30,`, /line 2: effective_from is no date/],
    [
      'half an hour',
      `${HEAD}\na,b,input,1,,,,2026-02-01T00:30:00Z,`,
      /line 2: effective_from is no date and no whole hour/,
    ],
    ['a period that ends first', `${HEAD}\na,b,input,1,,,,2026-02-01,2026-01-01`, /line 2: effective_to is not after/],
    ['a step that is not known', `${HEAD}\na,b,input,1,,,1000,,`, /line 2: input_over is one of/],
    ['a step without a base', `${HEAD}\na,b,input,1,,,200000,,`, /line 2: there is no line for small inputs/],
    [
      'a line told twice',
      `${HEAD}\na,b,input,1,,,,,\na,b,input,2,,,,,`,
      /line 3: the same price is told by an earlier line/,
    ],
    [
      'overlapping periods',
      `${HEAD}\na,b,input,1,,,,2026-01-01,2026-03-01\n\na,b,input,2,,,,2026-02-01,`,
      /line 4: its period overlaps that of line 2/,
    ],
  ])('is refused for %s, and says where', (_what, text, problem) => {
    const parsed = parsePriceCsv(text, '');
    expect(problems(parsed).join('\n')).toMatch(problem);
  });

  it('reports every broken line, not the first alone', () => {
    const broken = csv('a,b,input,x,,,,,', 'a,b,input,1,,,,,', 'a,b,nothing,1,7,,,,');
    expect(broken.errors.map(({ where }) => where)).toEqual(['line 2', 'line 4', 'line 4']);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(Array.isArray(parsePriceCsv(text, '').errors)).toBe(true);
        expect(Array.isArray(parsePriceCsv(`${HEAD}\n${text}`, '').errors)).toBe(true);
        expect(Array.isArray(parseLiteLlm(text, '').errors)).toBe(true);
      }),
    );
  });

  it('imported twice changes nothing the second time', () => {
    const owned = (terms: readonly PriceTerms[]): OwnedPrice[] =>
      terms.map((one) => ({ ...one, layer: 'book', owner: '' }));
    const { terms } = csv('a,b,input,1,,,,2026-01-01,', 'a,b,output,2,,,,,');
    const first = planDated([], owned(terms), { removes: 'csv' });
    const entries: PriceEntry[] = first.edit.added.map((one) => priceEntry(one));
    const again = planDated(entries, owned(terms), { removes: 'csv' });
    expect(again).toMatchObject({ unchanged: 2, edit: { ended: [], added: [] } });
    const fewer = planDated(entries, owned(terms.slice(1)), { removes: 'csv' });
    expect(fewer.edit.ended).toEqual([entries[0]?.id]);
  });
});
