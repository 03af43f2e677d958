import type { AnswerUsage, Question } from './assistant.ts';

/** Body of `POST /api/assist`. Sizes stand in for texts that nobody would read. */
export interface AssistBody extends Question {
  /** The same topic asked again is answered from the cache. */
  readonly topic: string;
}

export interface AssistReply {
  readonly cached: boolean;
  /** What this answer used: nothing when it came from the cache. */
  readonly usage: AnswerUsage;
}

/** The words of a search that has no bounds; it keeps a database connection busy for long. */
export const SEARCH_EVERYTHING = '%';
