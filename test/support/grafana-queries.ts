/** Queries of a Grafana dashboard as the ClickHouse data source would send them (grafana-clickhouse-datasource 4). */
export interface QueryScope {
  /** Unix ms, as Grafana's time picker has it. */
  readonly from: number;
  readonly to: number;
  readonly intervalSeconds: number;
  /** `$__all`, or what is chosen. */
  readonly variables: Readonly<Record<string, string | readonly string[]>>;
}

/** The arguments of the call whose opening parenthesis is at `open`, and where the call ends. */
function argumentsAt(sql: string, open: number): { readonly args: string[]; readonly end: number } {
  const args: string[] = [''];
  let depth = 0;
  let quoted = false;
  for (let at = open; at < sql.length; at += 1) {
    const letter = sql[at] ?? '';
    if (letter === "'") quoted = !quoted;
    if (!quoted && letter === '(') depth += 1;
    if (!quoted && letter === ')') depth -= 1;
    if (depth === 0) return { args: args.map((arg) => arg.trim()), end: at + 1 };
    if (at === open) continue;
    if (!quoted && letter === ',' && depth === 1) args.push('');
    else args[args.length - 1] += letter;
  }
  throw new Error(`a call is not closed: ${sql.slice(open, open + 80)}`);
}

function replaceCalls(sql: string, name: string, expand: (args: readonly string[]) => string): string {
  let text = sql;
  for (let at = text.lastIndexOf(`${name}(`); at >= 0; at = text.lastIndexOf(`${name}(`)) {
    const { args, end } = argumentsAt(text, at + name.length);
    text = text.slice(0, at) + expand(args) + text.slice(end);
  }
  return text;
}

const seconds = (ms: number) => Math.floor(ms / 1_000);
/** Grafana's `singlequote`: each value in quotes, quotes in it escaped with a backslash. */
const quoted = (value: string) => `'${value.replaceAll("'", "\\'")}'`;

/** @throws when something is left that neither Grafana nor the data source knows */
export function expandQuery(sql: string, { from, to, intervalSeconds, variables }: QueryScope): string {
  const chosen = (name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`there is no variable ${name}`);
    return value;
  };
  const expanded = replaceCalls(sql, '$__conditionalAll', ([condition = '', variable = '']) =>
    chosen(variable.replace('$', '')) === '$__all' ? '1=1' : condition,
  ).replaceAll(/\$\{(\w+):singlequote\}/g, (_, name: string) => [chosen(name)].flat().map(quoted).join(','));
  const start = `toDateTime(${seconds(from)})`;
  const end = `toDateTime(${seconds(to)})`;
  const macros = replaceCalls(
    expanded,
    '$__timeFilter',
    ([column = '']) => `${column} >= ${start} AND ${column} <= ${end}`,
  );
  const text = replaceCalls(
    macros,
    '$__timeInterval',
    ([column = '']) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${intervalSeconds} second)`,
  )
    .replaceAll(/\$__fromTime\b/g, start)
    .replaceAll(/\$__toTime\b/g, end)
    .replaceAll(/\$__interval_s\b/g, String(intervalSeconds));
  const left = /\$[\w{][^\s,)]*/.exec(text)?.[0];
  if (left !== undefined) throw new Error(`nobody replaces ${left}`);
  return text;
}
