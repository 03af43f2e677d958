/** What the engine says of one of its functions (`system.functions`). */
export interface EngineFunction {
  readonly name: string;
  readonly is_aggregate: number | boolean;
  readonly case_insensitive: number | boolean;
  readonly alias_to: string;
  readonly origin: string;
  readonly categories: string;
}

export const FUNCTIONS_QUERY =
  'SELECT name, is_aggregate, case_insensitive, alias_to, toString(origin) AS origin, categories FROM system.functions';

/** Groups of the engine's documentation whose functions work on their arguments alone. */
const HARMLESS_CATEGORIES = new Set([
  ...['Type Conversion', 'Dates and Times', 'Arrays', 'String', 'Geo', 'Geo Polygon', 'Hash', 'String Search', 'JSON'],
  ...['URL', 'Mathematical', 'Arithmetic', 'Map', 'IP Address', 'Comparison', 'Tuple', 'Distance', 'Random Number'],
  ...['Bitmap', 'Bit', 'UUID', 'Encoding', 'String Splitting', 'String Replacement', 'Null', 'Nullable', 'Rounding'],
  ...['Time Window', 'Conditional', 'Financial', 'Logical', 'NumericIndexedVector', 'Encryption'],
]);

/** In a harmless group and yet not: they read schema files, or tell of the process. */
const HARMFUL = new Set(['formatRow', 'formatRowNoNewline', 'chdb', 'timezone', 'serverTimezone']);

/** Of the groups that hold all sorts, those that work on their arguments alone. */
const HARMLESS = new Set([
  ...[
    'bar',
    'transform',
    'identity',
    'materialize',
    'ignore',
    'toTypeName',
    'toColumnTypeName',
    'byteSize',
    'visibleWidth',
  ],
  ...['formatReadableSize', 'formatReadableDecimalSize', 'formatReadableQuantity', 'formatReadableTimeDelta'],
  ...['parseTimeDelta', 'parseReadableSize', 'parseReadableSizeOrNull', 'parseReadableSizeOrZero', 'countDigits'],
  ...[
    'rowNumberInBlock',
    'rowNumberInAllBlocks',
    'neighbor',
    'runningDifference',
    'runningAccumulate',
    'isDecimalOverflow',
  ],
  ...['runningDifferenceStartingWithFirstValue', 'finalizeAggregation', 'initializeAggregation', 'throwIf', 'version'],
  ...['getSubcolumn', 'variantElement', 'variantType', 'minSampleSizeConversion', 'minSampleSizeContinuous', 'digits'],
  ...['normalizeQuery', 'normalizedQueryHash', 'formatQuery', 'formatQuerySingleLine', 'defaultValueOfArgumentType'],
  ...[
    'lowCardinalityIndices',
    'lowCardinalityKeys',
    'isConstant',
    'currentDatabase',
    'errorCodeToName',
    'MACNumToString',
  ],
  ...[
    'seriesDecomposeSTL',
    'seriesOutliersDetectTukey',
    'seriesPeriodDetectFFT',
    'timeSeriesRange',
    'timeSeriesFromGrid',
  ],
  ...['caseWithExpression', '_CAST', 'nested'],
]);

/** What the parser makes of operators and clauses, and no list of functions has. */
const SYNTAX = new Set(['lambda', 'exists', 'grouping', 'untuple', 'viewGroup', 'apply']);

/** Table functions that make rows out of their arguments. In lower case. */
const TABLE_FUNCTIONS = new Set(['numbers', 'numbers_mt', 'values', 'generateseries', 'generate_series']);

const COMBINATORS = [
  ...['SimpleState', 'OrDefault', 'Distinct', 'Resample', 'ForEach', 'ArgMax', 'ArgMin', 'OrNull', 'Merge', 'State'],
  ...['Array', 'Null', 'Map', 'If', 'Tuple'],
];

/** The functions of one engine that statements written by hand may call: what is not known to be harmless is not called. */
export class SqlFunctions {
  readonly #exact = new Set<string>();
  readonly #anyCase = new Set<string>();
  readonly #aggregates = new Set<string>();

  constructor(functions: readonly EngineFunction[]) {
    const known = new Map(functions.map((one) => [one.name, one]));
    for (const one of functions) {
      const real = one.alias_to === '' ? one : known.get(one.alias_to);
      if (real === undefined || real.origin !== 'System' || !isHarmless(real)) continue;
      this.#exact.add(one.name);
      if (Number(one.case_insensitive) === 1) this.#anyCase.add(one.name.toLowerCase());
      if (Number(real.is_aggregate) === 1) this.#aggregates.add(one.name);
    }
  }

  mayCall(name: string): boolean {
    return SYNTAX.has(name) || this.#has(name) || this.#isCombined(name);
  }

  mayRead(tableFunction: string): boolean {
    return TABLE_FUNCTIONS.has(tableFunction.toLowerCase());
  }

  #has(name: string): boolean {
    return this.#exact.has(name) || this.#anyCase.has(name.toLowerCase());
  }

  /** `sumIf`, `quantilesMerge`, `countArrayIf`: an aggregate function with what is put behind it. */
  #isCombined(name: string): boolean {
    return COMBINATORS.some((combinator) => {
      if (!name.endsWith(combinator)) return false;
      const base = name.slice(0, -combinator.length);
      const isAggregate = this.#aggregates.has(base) || (this.#anyCase.has(base.toLowerCase()) && !this.#isPlain(base));
      return isAggregate || (base !== '' && this.#isCombined(base));
    });
  }

  #isPlain(name: string): boolean {
    return this.#exact.has(name) && !this.#aggregates.has(name);
  }
}

function isHarmless({ name, is_aggregate, categories }: EngineFunction): boolean {
  if (Number(is_aggregate) === 1) return true;
  return HARMLESS.has(name) || (HARMLESS_CATEGORIES.has(categories) && !HARMFUL.has(name));
}
