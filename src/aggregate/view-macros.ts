import {
  AI_ATTRIBUTE_ALIASES,
  AI_CACHE_TOKENS_ATTRIBUTE,
  AI_SERVICE_TIER_ATTRIBUTES,
  AI_WRAPPER_OPERATIONS,
  type AiAttribute,
  LANGFUSE_USAGE_ATTRIBUTE,
} from '../domain/ai-attributes.ts';
import { AI_INPUT_TIER_STARTS, AI_SERVICE_TIERS } from '../domain/ai-usage.ts';
import {
  CACHE_HITS_ATTRIBUTE,
  CACHE_MISSES_ATTRIBUTE,
  DB_ROWS_ATTRIBUTES,
  INTEGRATION_ATTRIBUTE,
  INTEGRATION_OUTCOME_ATTRIBUTE,
  TENANT_ATTRIBUTE,
} from '../domain/attributes.ts';
import { NETWORK_DIRECTION_ATTRIBUTE, NETWORK_DIRECTIONS, RESOURCE_METRICS } from '../domain/resource-metrics.ts';
import { OTHER_TENANTS, TENANT_ID_PATTERN, UNATTRIBUTED_TENANT, UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import { DB_QUERY_MACROS } from './db-query-sql.ts';

/** Settings that are part of the views' texts: a change of one re-applies the views that contain it. */
export interface ViewSettings {
  /** Attribute names that carry the tenant, first hit wins. */
  readonly tenantAttributes: readonly string[];
  readonly acceptPastHours: number;
  readonly acceptFutureSeconds: number;
  readonly slowDbCallMs: number;
  /** Length of the steps that the detector looks at; ten, which names the table, unless somebody wants it to be quicker. */
  readonly activitySeconds: number;
  /** Spans without a tenant wait for that of their trace, instead of being stored at once. */
  readonly lateTenants: boolean;
}

/** A ClickHouse string literal. Settings come from the operator's environment, yet they are escaped like any other. */
function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** What telemetry may name as its tenant, as a pattern inside a ClickHouse literal: ids, and the names that stand for more. */
const TENANT_CLAIM = [
  TENANT_ID_PATTERN.source,
  ...[UNATTRIBUTED_TENANT, OTHER_TENANTS].map((name) => `^${name.replace(/[()]/g, '\\$&')}$`),
]
  .join('|')
  .replaceAll('\\', '\\\\');

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

/** Like `attributeMap`, of attributes whose values are read one level deep only. */
function leafAttributeMap(attributes: string): string {
  const value = `${attributes}.value`;
  return `mapSort(CAST(arrayMap((key, kind, text, raw, json) -> (toValidUTF8(key), multiIf(
    kind = 'string_value', toValidUTF8(text),
    kind = 'bytes_value', base64Encode(raw),
    kind = 'none', '',
    json)),
    ${attributes}.key, ${value}.value, ${value}.string_value, ${value}.bytes_value, ${leafJson(value)}), 'Map(String, String)'))`;
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

/** The fields of a data point that every kind of data has, below `data_points`. */
const POINT_COLUMNS = {
  StartNs: 'start_time_unix_nano',
  TimeNs: 'time_unix_nano',
  Attributes: 'attributes',
  Flags: 'flags',
} as const;

const NUMBER_COLUMNS = { ...POINT_COLUMNS, ValueKind: 'value', AsDouble: 'as_double', AsInt: 'as_int' } as const;
const DISTRIBUTION_COLUMNS = { ...POINT_COLUMNS, Count: 'count', Sum: 'sum' } as const;

/** The kinds of data that a metric can have: its name among the columns, its field, what its points bring, what itself. */
const METRIC_KINDS = [
  ['Gauge', 'gauge', NUMBER_COLUMNS, {}],
  ['Sum', 'sum', NUMBER_COLUMNS, { Temporality: 'aggregation_temporality', IsMonotonic: 'is_monotonic' }],
  ['Histogram', 'histogram', DISTRIBUTION_COLUMNS, { Temporality: 'aggregation_temporality' }],
  ['ExponentialHistogram', 'exponential_histogram', DISTRIBUTION_COLUMNS, { Temporality: 'aggregation_temporality' }],
  ['Summary', 'summary', DISTRIBUTION_COLUMNS, {}],
] as const;

/** What a metric brings, one column each, and its field below `resource_metrics.scope_metrics`. */
const METRIC_COLUMNS: Readonly<Record<string, string>> = {
  RawMetricName: 'metrics.name',
  RawUnit: 'metrics.unit',
  MetricKind: 'metrics.data',
  ...Object.fromEntries(
    METRIC_KINDS.flatMap(([kind, field, pointColumns, ownColumns]) => [
      ...Object.entries(pointColumns).map(([name, of]) => [`${kind}${name}`, `metrics.${field}.data_points.${of}`]),
      ...Object.entries(ownColumns).map(([name, of]) => [`${kind}${name}`, `metrics.${field}.${of}`]),
    ]),
  ),
};

/** Likewise for the scope around it. */
const SCOPE_METRIC_COLUMNS: Readonly<Record<string, string>> = { RawScopeName: 'scope.name', ...METRIC_COLUMNS };

/**
 * Whose telemetry it is: a key that is bound to one tenant overrules every claim; then come the own attributes in the
 * configured order, then the resource's. A name that is no tenant's counts as none; who says that the tenant is unknown
 * is not asked further (ingest writes it over tenants beyond a key's limit).
 * @param own column with the value of the first attribute of all, `attributes` the column with all of them
 */
function resolvedTenant(own: string, attributes: string, otherNames: readonly string[]): string {
  const claims = `arrayMap(name -> ${attributes}[name], [${otherNames.map(sqlString).join(', ')}])`;
  const unknown = sqlString(UNKNOWN_TENANT);
  return `multiIf(
        KeyTenant != '', KeyTenant,
        ${own} = ${unknown} OR match(${own}, '${TENANT_CLAIM}'), ${own},
        arrayFirst(
            tenant -> tenant = ${unknown} OR match(tenant, '${TENANT_CLAIM}'),
            arrayPushBack(arrayPushBack(${claims}, ResourceTenant), ${unknown})))`;
}

function isResourceMetric(key: string): string {
  const metric = Object.entries(RESOURCE_METRICS).find(([name]) => name === key)?.[1];
  if (metric === undefined) throw new Error(`no resource metric ${key}`);
  return `(MetricName = ${sqlString(metric.name)} AND Unit = ${sqlString(metric.unit)})`;
}

function networkDirection(key: string): string {
  const direction = Object.entries(NETWORK_DIRECTIONS).find(([name]) => name === key)?.[1];
  if (direction === undefined) throw new Error(`no network direction ${key}`);
  return sqlString(direction);
}

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

/** Only the tiers that have prices of their own are kept apart: the names come from apps, so anybody may invent more. */
function aiServiceTier(): string {
  const named = `lower(${firstPresent(AI_SERVICE_TIER_ATTRIBUTES, "''")})`;
  return `if(${named} IN (${AI_SERVICE_TIERS.map(sqlString).join(', ')}), ${named}, '')`;
}

/**
 * All input of a call. Where cached tokens stand beside the reported input they are added to it: by the word of the
 * instrumentation first; then by what is known of the AI SDK 5, which passes Anthropic's figures on (6 adds them up, and
 * tells the rest by itself); then by the figures, as more cached than input can only be beside it.
 */
function aiWholeInput(argument: string): string {
  const cached = argument.split(', ').join(' + ');
  const input = aiTokens('input_tokens');
  const said = `a[${sqlString(AI_CACHE_TOKENS_ATTRIBUTE)}]`;
  const isAiSdk5 = `a['ai.usage.cachedInputTokens'] != '' AND a['ai.usage.inputTokenDetails.noCacheTokens'] = ''`;
  const isAnthropic = `position(${firstPresent(AI_ATTRIBUTE_ALIASES.provider, "''")}, 'anthropic') > 0`;
  return `${input} + multiIf(${said} = 'beside', ${cached}, ${said} = 'inside', 0,
        (${isAiSdk5} AND ${isAnthropic}) OR ${cached} > ${input}, ${cached}, 0)`;
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
    unknown_tenant: () => sqlString(UNKNOWN_TENANT),
    is_stored_now: () =>
      settings.lateTenants
        ? `SetAsideReason = '' AND (TenantId != ${sqlString(UNKNOWN_TENANT)} OR Batch != '')`
        : `SetAsideReason = ''`,
    tenant_attributes: () => settings.tenantAttributes.map(sqlString).join(', '),
    tenant_pattern: () => TENANT_CLAIM,
    resolve_tenant: (argument) => {
      const [own = '', attributes = ''] = argument.split(', ');
      return resolvedTenant(own, attributes, otherTenantAttributes);
    },
    accept_past_ns: () => secondsToNs(settings.acceptPastHours * 3_600),
    accept_future_ns: () => secondsToNs(settings.acceptFutureSeconds),
    slow_db_call_ns: () => secondsToNs(settings.slowDbCallMs / 1_000),
    activity_seconds: () => String(settings.activitySeconds),
    cache_hits_attribute: () => sqlString(CACHE_HITS_ATTRIBUTE),
    cache_misses_attribute: () => sqlString(CACHE_MISSES_ATTRIBUTE),
    db_rows: () => `toUInt64OrNull(extract(${firstPresent(DB_ROWS_ATTRIBUTES, "''")}, '^[0-9]{1,12}$'))`,
    ...DB_QUERY_MACROS,
    integration_attribute: () => sqlString(INTEGRATION_ATTRIBUTE),
    integration_outcome_attribute: () => sqlString(INTEGRATION_OUTCOME_ATTRIBUTE),
    ai_wrapper_operations: () => AI_WRAPPER_OPERATIONS.map(sqlString).join(', '),
    ai_first: (name) => firstPresent(AI_ATTRIBUTE_ALIASES[aiAttribute(name)], "''"),
    ai_tokens: (name) => aiTokens(aiAttribute(name)),
    ai_input_tier: inputTier,
    ai_service_tier: aiServiceTier,
    ai_whole_input: aiWholeInput,
    leaf_attribute_map: leafAttributeMap,
    metric_columns: () => Object.keys(METRIC_COLUMNS).join(', '),
    scope_metric_columns: () => Object.keys(SCOPE_METRIC_COLUMNS).join(', '),
    scope_metric_column_reads: () =>
      Object.entries(SCOPE_METRIC_COLUMNS)
        .map(([name, field]) => `resource_metrics.scope_metrics.${field} AS ${name}`)
        .join(', '),
    all_points: (column) => `arrayConcat(${METRIC_KINDS.map(([kind]) => `${kind}${column}`).join(', ')})`,
    resource_metric_names: () =>
      Object.values(RESOURCE_METRICS)
        .map(({ name }) => sqlString(name))
        .join(', '),
    is_resource_metric: isResourceMetric,
    network_direction: networkDirection,
    network_direction_attribute: () => sqlString(NETWORK_DIRECTION_ATTRIBUTE),
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
