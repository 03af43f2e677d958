/** Times are timestamptz in the tables and Unix milliseconds in the program. Arguments are SQL text of ours. */

/** SQL for a timestamptz expression as whole Unix milliseconds, null stays null. */
export function unixMs(expression: string): string {
  return `floor(extract(epoch from ${expression}) * 1000)::float8`;
}

/** SQL for a parameter with Unix milliseconds as timestamptz. */
export function fromUnixMs(parameter: string): string {
  return `to_timestamp(${parameter}::float8 / 1000)`;
}
