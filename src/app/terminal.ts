/** One line for the person at the terminal. Logs go to stderr as JSON; this is for answers. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What a command that takes a while is doing, for whoever waits at a terminal; answers stay clean. */
export function printProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${line} …\n`);
}

/** Rows as columns of equal width; the first row is the head. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, index) => Math.max(all[index] ?? 0, cell.length)),
    [],
  );
  for (const row of rows)
    print(
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
