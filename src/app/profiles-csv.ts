import { parse } from 'csv-parse/sync';
import { isTenantId } from '../domain/tenant-id.ts';
import {
  isProfileText,
  orderedTags,
  PROFILE_LIMITS,
  type ProfileEdit,
  type ProfileFields,
} from '../domain/tenant-profile.ts';

const COLUMNS = ['tenant_id', 'segment', 'owner', 'display_name', 'tags'] as const;
type Column = (typeof COLUMNS)[number];

export interface ProfileProblem {
  readonly line: number;
  readonly problem: string;
}

interface ReadProfiles {
  readonly edits: readonly ProfileEdit[];
  readonly problems: readonly ProfileProblem[];
}

interface CsvRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/**
 * Reads profiles from CSV with a header: `tenant_id` and any of the other columns, in any order. An empty cell says that
 * there is none; a column that is not there leaves what is. Several tags in a cell stand between semicolons.
 */
export function readProfileCsv(text: string): ReadProfiles {
  const rows = rowsOf(text);
  if ('problem' in rows) return { edits: [], problems: [rows] };
  const [head, ...body] = rows;
  const names = head?.cells.map((cell) => cell.trim().toLowerCase()) ?? [];
  const problems: ProfileProblem[] = headProblems(names).map((problem) => ({ line: 1, problem }));
  if (problems.length > 0) return { edits: [], problems };
  if (body.length === 0) return { edits: [], problems: [{ line: 1, problem: 'there is no line below the header' }] };
  const edits: ProfileEdit[] = [];
  const lineOf = new Map<string, number>();
  for (const { cells, line } of body) {
    const cellOf = (column: Column) => (names.includes(column) ? (cells[names.indexOf(column)]?.trim() ?? '') : null);
    const found: string[] = [];
    const tenantId = cellOf('tenant_id') ?? '';
    if (!isTenantId(tenantId)) found.push('tenant_id is no tenant id');
    const earlier = lineOf.get(tenantId);
    if (earlier !== undefined) found.push(`the tenant stands in line ${earlier} already`);
    lineOf.set(tenantId, line);
    const fields = fieldsOf(cellOf, found);
    problems.push(...found.map((problem) => ({ line, problem })));
    if (isTenantId(tenantId)) edits.push({ tenantId, fields });
  }
  return { edits, problems };
}

function rowsOf(text: string): CsvRow[] | ProfileProblem {
  if (text.includes('\uFFFD') || text.includes('\0')) return { line: 1, problem: 'the file is no text in UTF-8' };
  try {
    const parsed = parse(text, { bom: true, skip_empty_lines: true, info: true }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    return parsed.map(({ record, info }) => ({ cells: record, line: info.lines }));
  } catch (thrown) {
    const { lines = 1, message } = thrown as { lines?: number; message: string };
    return { line: lines, problem: message.split('\n')[0] ?? 'the line is no CSV' };
  }
}

function headProblems(names: readonly string[]): string[] {
  const known: readonly string[] = COLUMNS;
  const problems = names
    .filter((name) => !known.includes(name))
    .map((name) => `the column "${name.slice(0, 40)}" is not known; there are ${COLUMNS.join(', ')}`);
  if (!names.includes('tenant_id')) problems.unshift('the column tenant_id is missing');
  if (new Set(names).size < names.length) problems.push('a column is there twice');
  if (names.length === 1 && names[0] === 'tenant_id') problems.push('there is no column beside tenant_id');
  return problems;
}

function fieldsOf(cellOf: (column: Column) => string | null, problems: string[]): Partial<ProfileFields> {
  const textOf = (column: Column, longest: number): string | null | undefined => {
    const cell = cellOf(column);
    if (cell === null) return undefined;
    if (cell === '') return null;
    if (!isProfileText(cell, longest)) {
      problems.push(`${column} is longer than ${longest} characters or has control characters`);
    }
    return cell;
  };
  const [segment, owner] = [textOf('segment', PROFILE_LIMITS.segment), textOf('owner', PROFILE_LIMITS.owner)];
  const displayName = textOf('display_name', PROFILE_LIMITS.displayName);
  const tags = tagsOf(cellOf('tags'), problems);
  return {
    ...(segment === undefined ? {} : { segment }),
    ...(owner === undefined ? {} : { owner }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(tags === undefined ? {} : { tags }),
  };
}

function tagsOf(cell: string | null, problems: string[]): readonly string[] | undefined {
  if (cell === null) return undefined;
  const tags = orderedTags(
    cell
      .split(';')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
  );
  const tooLong = tags.some((tag) => !isProfileText(tag, PROFILE_LIMITS.tag));
  if (tooLong) problems.push(`a tag is longer than ${PROFILE_LIMITS.tag} characters or has control characters`);
  if (tags.length > PROFILE_LIMITS.tags) problems.push(`there are more than ${PROFILE_LIMITS.tags} tags`);
  return tags;
}
