/** One question that `npm run bench -- <name>` answers with measured figures. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  /**
   * Measures and prints; asserts nothing about absolute speed, as machines differ. `options`: what followed the name on
   * the command line.
   */
  run(options: readonly string[]): Promise<void>;
}
