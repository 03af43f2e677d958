import {
  AI_ATTRIBUTE_ALIASES,
  AI_WRAPPER_OPERATIONS,
  type AiAttribute,
  LANGFUSE_USAGE_ATTRIBUTE,
} from '../domain/ai-attributes.ts';
import { AI_INPUT_TIER_STARTS } from '../domain/ai-usage.ts';
import { CACHE_HITS_ATTRIBUTE, CACHE_MISSES_ATTRIBUTE, TENANT_ATTRIBUTE } from '../domain/attributes.ts';
import { TENANT_ID_PATTERN } from '../domain/tenant-id.ts';

/** Settings that are part of the views' texts: a change of one re-applies the views that contain it. */
export interface ViewSettings {
  /** Attribute names that carry the tenant, first hit wins. */
  readonly tenantAttributes: readonly string[];
  readonly acceptPastHours: number;
  readonly acceptFutureSeconds: number;
  readonly slowDbCallMs: number;
}

/** A ClickHouse string literal. Settings come from the operator's environment, yet they are escaped like any other. */
function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** An AnyValue below the second level, as JSON. What nests deeper is kept as base64 of its OTLP encoding, marked. */
function leafJson(values: string): string {
  return `arrayMap((kind, text, whole, fraction, flag, raw, items, pairs) -> multiIf(
    kind = 'string_value', toJSONString(toValidUTF8(text)),
    kind = 'int_value', toString(whole),
    kind = 'double_value', toJSONString(fraction),
    kind = 'bool_value', if(flag = 1, 'true', 'false'),
    kind = 'bytes_value', concat('"', base64Encode(raw), '"'),
    kind = 'array_value', concat('{"$otlp_array":"', base64Encode(items), '"}'),
    kind = 'kvlist_value', concat('{"$otlp_kvlist":"', base64Encode(pairs), '"}'),
    'null'),
    ${values}.value, ${values}.string_value, ${values}.int_value, ${values}.double_value, ${values}.bool_value,
    ${values}.bytes_value, ${values}.array_value, ${values}.kvlist_value)`;
}

/**
 * An array of OTLP attributes as a Map(String, String): strings bare, bytes as base64, arrays and lists as JSON, as the
 * Collector's exporters write them. Keys sorted: unsorted ones cost a good part of the compression
 * (opentelemetry-collector-contrib#33634). The lambda takes the tuple's columns one by one: that halves what the engine
 * has to analyse at every insert, compared with one tuple argument.
 */
function attributeMap(attributes: string): string {
  const value = `${attributes}.value`;
  return `mapSort(CAST(arrayMap((key, kind, text, whole, fraction, flag, raw, items, pairs) -> (toValidUTF8(key), multiIf(
    kind = 'string_value', toValidUTF8(text),
    kind = 'int_value', toString(whole),
    kind = 'double_value', toString(fraction),
    kind = 'bool_value', if(flag = 1, 'true', 'false'),
    kind = 'bytes_value', base64Encode(raw),
    kind = 'array_value', concat('[', arrayStringConcat(${leafJson('items')}, ','), ']'),
    kind = 'kvlist_value', concat('{', arrayStringConcat(arrayMap(
      (name, json) -> concat(toJSONString(toValidUTF8(name)), ':', json), pairs.key, ${leafJson('pairs.value')}), ','), '}'),
    '')),
    ${attributes}.key, ${value}.value, ${value}.string_value, ${value}.int_value, ${value}.double_value,
    ${value}.bool_value, ${value}.bytes_value, ${value}.array_value.values, ${value}.kvlist_value.values), 'Map(String, String)'))`;
}

/** What a span brings, one column each, and its field below `resource_spans.scope_spans.spans`. */
const SPAN_COLUMNS = {
  StartNs: 'start_time_unix_nano',
  EndNs: 'end_time_unix_nano',
  TraceId: 'trace_id',
  SpanId: 'span_id',
  ParentSpanId: 'parent_span_id',
  TraceState: 'trace_state',
  RawSpanName: 'name',
  SpanKind: 'kind',
  StatusCode: 'status.code',
  RawStatusMessage: 'status.message',
  EventsNs: 'events.time_unix_nano',
  RawEventsName: 'events.name',
  LinksTraceId: 'links.trace_id',
  LinksSpanId: 'links.span_id',
  LinksTraceState: 'links.trace_state',
} as const;

/** The same for a scope, below `resource_spans.scope_spans`. */
const SCOPE_COLUMNS = {
  RawScopeName: 'scope.name',
  RawScopeVersion: 'scope.version',
  RawScopeAttributes: 'scope.attributes',
  ...Object.fromEntries(Object.entries(SPAN_COLUMNS).map(([name, field]) => [name, `spans.${field}`])),
  RawSpanAttributes: 'spans.attributes',
  RawEventsAttributes: 'spans.events.attributes',
  RawLinksAttributes: 'spans.links.attributes',
};

function firstPresent(names: readonly string[], otherwise: string): string {
  const branches = names.map((name) => `a[${sqlString(name)}] != '', a[${sqlString(name)}]`);
  return `multiIf(${branches.join(', ')}, ${otherwise})`;
}

const LANGFUSE_USAGE_KEYS: Partial<Record<AiAttribute, string>> = { input_tokens: 'input', output_tokens: 'output' };

/** Only plain non-negative integers of at most 12 digits count; a model cannot use more, and sums must not overflow. */
function aiTokens(attribute: AiAttribute): string {
  const langfuseKey = LANGFUSE_USAGE_KEYS[attribute];
  const otherwise =
    langfuseKey === undefined
      ? "''"
      : `JSONExtractRaw(a[${sqlString(LANGFUSE_USAGE_ATTRIBUTE)}], ${sqlString(langfuseKey)})`;
  return `toUInt64OrZero(extract(${firstPresent(AI_ATTRIBUTE_ALIASES[attribute], otherwise)}, '^([0-9]{1,12})(?:[.]0*)?$'))`;
}

function inputTier(column: string): string {
  const steps = AI_INPUT_TIER_STARTS.toSorted((left, right) => right - left);
  return `multiIf(${steps.map((start) => `${column} > ${start}, ${start}`).join(', ')}, 0)::UInt32`;
}

const isAiAttribute = (name: string): name is AiAttribute => name in AI_ATTRIBUTE_ALIASES;

function aiAttribute(name: string): AiAttribute {
  if (!isAiAttribute(name)) throw new Error(`no alias list for AI attribute ${name}`);
  return name;
}

/** What `{{name}}` or `{{name:argument}}` in a view's text stands for. */
export function viewMacros(settings: ViewSettings): Readonly<Record<string, (argument: string) => string>> {
  const otherTenantAttributes = settings.tenantAttributes.filter((name) => name !== TENANT_ATTRIBUTE);
  const secondsToNs = (seconds: number) => String(BigInt(Math.round(seconds * 1_000)) * 1_000_000n);
  return {
    attribute_map: attributeMap,
    span_columns: () => Object.keys(SPAN_COLUMNS).join(', '),
    scope_columns: () => Object.keys(SCOPE_COLUMNS).join(', '),
    scope_column_reads: () =>
      Object.entries(SCOPE_COLUMNS)
        .map(([name, field]) => `resource_spans.scope_spans.${field} AS ${name}`)
        .join(', '),
    tenant_attribute: () => sqlString(TENANT_ATTRIBUTE),
    tenant_attributes: () => settings.tenantAttributes.map(sqlString).join(', '),
    other_tenant_attributes: () => otherTenantAttributes.map(sqlString).join(', '),
    tenant_pattern: () => TENANT_ID_PATTERN.source.replaceAll('\\', '\\\\'),
    accept_past_ns: () => secondsToNs(settings.acceptPastHours * 3_600),
    accept_future_ns: () => secondsToNs(settings.acceptFutureSeconds),
    slow_db_call_ns: () => secondsToNs(settings.slowDbCallMs / 1_000),
    cache_hits_attribute: () => sqlString(CACHE_HITS_ATTRIBUTE),
    cache_misses_attribute: () => sqlString(CACHE_MISSES_ATTRIBUTE),
    ai_wrapper_operations: () => AI_WRAPPER_OPERATIONS.map(sqlString).join(', '),
    ai_first: (name) => firstPresent(AI_ATTRIBUTE_ALIASES[aiAttribute(name)], "''"),
    ai_tokens: (name) => aiTokens(aiAttribute(name)),
    ai_input_tier: inputTier,
  };
}

/** @throws Error naming the macro that does not exist: a view must never be applied half filled in */
export function fillMacros(text: string, macros: Readonly<Record<string, (argument: string) => string>>): string {
  return text.replace(/\{\{(\w+)(?::([^}]+))?\}\}/g, (_, name: string, argument = '') => {
    const macro = macros[name];
    if (macro === undefined) throw new Error(`unknown macro {{${name}}}`);
    return macro(argument);
  });
}
