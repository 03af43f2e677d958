import { readdirSync, readFileSync } from 'node:fs';
import { fillMacros, type ViewSettings, viewMacros } from './view-macros.ts';

const FOLDER = new URL('./views/', import.meta.url);
/** Fills the table in which spans without a tenant wait; there is no such view where none waits. */
const WAITING_VIEW = 'spans_waiting_view.sql';

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
      return {
        name: file.slice(0, -'.sql'.length),
        target: /^-- to: (\w+)$/m.exec(text)?.[1],
        select: fillMacros(text.replace(/^--.*\n/gm, ''), macros).trim(),
      };
    });
}
