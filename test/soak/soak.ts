/** One long run that `npm run soak -- <name>` makes; it throws when what it watches does not hold. */
export interface Soak {
  readonly name: string;
  readonly summary: string;
  run(): Promise<void>;
}
