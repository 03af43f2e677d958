/** One thing that ingest does so that a promise holds, and what shows that the promise would not hold without it. */
export interface Defence {
  readonly name: string;
  readonly promise: string;
  /** Where it is; relative to the project. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  /** What is left without the defence. */
  readonly to: string;
  /** Test files of which at least one must turn red. */
  readonly tests: readonly string[];
  /** Only tests with this in their names, where the others take long. */
  readonly only?: string;
}
