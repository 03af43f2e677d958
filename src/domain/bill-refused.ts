import type { BillProblem } from './bill.ts';
import { TenantryError } from './errors.ts';

/** So many are named in the text; the others are in the list. */
const LINES_NAMED = 3;

/** A file of which nothing was taken. */
export class BillRefused extends TenantryError {
  /** The first thousand. */
  readonly problems: readonly BillProblem[];
  readonly total: number;

  constructor(problems: readonly BillProblem[], total: number) {
    const named = problems.slice(0, LINES_NAMED).map(({ line, problem }) => `line ${line}: ${problem}`);
    const more = total > named.length ? `; and ${total - named.length} more` : '';
    super('BILL_REFUSED', `${total} ${total === 1 ? 'line' : 'lines'} cannot be used. ${named.join('; ')}${more}.`, {
      hint: 'Nothing was taken. Mend the file, or export it again.',
    });
    this.problems = problems;
    this.total = total;
  }
}
