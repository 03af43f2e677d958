/** Texts that would be code if somebody took them for it. */
import { existsSync, readFileSync } from 'node:fs';

const BLNS = new URL('../../../shared/data/hostile/strings/blns.json', import.meta.url);

/** In SQL that is run these count, write or wait; where a text is a text they are nothing. */
export const TRAP = 'public.zqtrap()';
export const TRAP_FILE = '/tmp/zqtrapfile';

/** Ways out of a text, a number, an identifier, a list, a pattern or a comment. */
const BREAKOUTS: readonly ((expression: string) => string)[] = [
  (expression) => `' OR ${expression}--`,
  (expression) => `') OR (${expression})--`,
  (expression) => `')) OR ((${expression}))--`,
  (expression) => `'||${expression}||'`,
  (expression) => `" OR ${expression}--`,
  (expression) => `\` OR ${expression}--`,
  (expression) => `\\' OR ${expression}--`,
  (expression) => `1 OR ${expression}`,
  (expression) => `1) OR (${expression}`,
  (expression) => `name, ${expression}`,
  (expression) => `'; SELECT ${expression};--`,
  (expression) => `' UNION ALL SELECT ${expression}--`,
  (expression) => `%' OR ${expression} OR '%`,
  (expression) => `$$ || ${expression} || $$`,
  (expression) => `{x:String} OR ${expression}`,
];

const POSTGRES = [
  '1=1',
  `${TRAP}>0`,
  'pg_sleep(5) IS NULL',
  "set_config('app.super_admin','on',false)='on'",
  "set_config('app.current_tenant','globex',false)='globex'",
  'CAST((SELECT version()) AS int)=1',
  '(SELECT count(*) FROM tenantry.tenants)>0',
  "pg_read_file('/etc/passwd') IS NOT NULL",
  "lo_import('/etc/passwd')>0",
] as const;

const CLICKHOUSE = [
  'sleep(1)=0',
  'sleepEachRow(1)=0',
  "(SELECT count() FROM file('/etc/passwd','LineAsString'))>0",
  "(SELECT count() FROM url('http://127.0.0.1:1/','LineAsString'))>0",
  "(SELECT count() FROM merge('tenantry','.*'))>0",
  '(SELECT count() FROM tenantry.spans SETTINGS additional_table_filters={})>0',
  'throwIf(1)=0',
  "dictGet('x','y',1)=1",
] as const;

const WHOLE = [
  `'; COPY (SELECT 1) TO '${TRAP_FILE}';--`,
  `' INTO OUTFILE '${TRAP_FILE}' FORMAT CSV--`,
  "'; SET ROLE tenantry_owner;--",
  "'; DROP TABLE tenantry.tenants;--",
  "'; ALTER TABLE tenantry.keys DISABLE ROW LEVEL SECURITY;--",
  "' SETTINGS readonly=0, max_execution_time=0--",
  '%',
  '_',
  '%%%%',
  'a%',
  '\\',
  "\\'",
  '{tenant:String}',
  '$1',
  ':x',
  '?',
  '@@version',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of others
  '${7*7}',
  '{{7*7}}',
  '../../../../etc/passwd',
  '%2e%2e%2fetc%2fpasswd',
  "'+(SELECT 1)+'",
  '0x27',
  'ʼ OR 1=1--',
  '＇ OR 1=1--',
] as const;

/** Our own, for both databases. */
export const SQL_PAYLOADS: readonly string[] = [
  ...[...POSTGRES, ...CLICKHOUSE].flatMap((expression) => BREAKOUTS.map((breakout) => breakout(expression))),
  ...WHOLE,
];

/** The big list of naughty strings; undefined where it is not at hand. */
export function naughtyStrings(): readonly string[] | undefined {
  return existsSync(BLNS) ? (JSON.parse(readFileSync(BLNS, 'utf8')) as string[]) : undefined;
}
