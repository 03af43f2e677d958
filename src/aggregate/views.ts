import { readdirSync, readFileSync } from 'node:fs';
import { RESTORE_COMMENT } from '../domain/tenant-archive.ts';
import { fillMacros, type ViewSettings, viewMacros } from './view-macros.ts';

const FOLDER = new URL('./views/', import.meta.url);
/** Fills the table in which spans without a tenant wait; there is no such view where none waits. */
const WAITING_VIEW = 'spans_waiting_view.sql';
/** Tables that are made of other tables' rows. */
const ROLLUP_TABLE = /_by_/;

export interface View {
  readonly name: string;
  /** Table that the materialized view writes to; undefined for a plain view. */
  readonly target: string | undefined;
  readonly select: string;
}

/**
 * Every view as declared: `views/<name>.sql` holds the current text, `-- to: <table>` in it names the table that a
 * materialized view fills. The database is brought to these texts at every start.
 */
export function declaredViews(settings: ViewSettings): readonly View[] {
  const macros = viewMacros(settings);
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql') && (file !== WAITING_VIEW || settings.lateTenants))
    .toSorted()
    .map((file) => {
      const text = readFileSync(new URL(file, FOLDER), 'utf8');
      const target = /^-- to: (\w+)$/m.exec(text)?.[1];
      const select = fillMacros(text.replace(/^--.*\n/gm, ''), macros).trim();
      const isRollup = target !== undefined && ROLLUP_TABLE.test(target);
      return { name: file.slice(0, -'.sql'.length), target, select: isRollup ? blindToRestores(select) : select };
    });
}

/**
 * A restored tenant brings its rollups along, and they reach further back than the rows that they were made of: those
 * rows must not be counted a second time. The condition is a constant of the insert, which the engine folds away.
 */
function blindToRestores(select: string): string {
  return `SELECT * FROM\n(\n${select}\n)\nWHERE getSetting('log_comment') != '${RESTORE_COMMENT}'`;
}
