import type { Passage } from './request-gate.ts';

/** One request and its response as web streams, where there are no streams of Node to watch. */
export class FetchExchange {
  readonly #passage: Passage;
  readonly #request: Request;
  #responseBytes = 0;

  constructor(passage: Passage, request: Request) {
    this.#passage = passage;
    this.#request = request;
  }

  /** `response` with a body that tells its end: passing it through is the only way to see it. */
  watch(response: Response): Response {
    if (response.body === null) {
      this.#finish(response, false);
      return response;
    }
    // `cancel` is younger than the types of transformers; without it an aborted response would never end.
    const watcher = {
      transform: (chunk: Uint8Array, controller: { enqueue(chunk: Uint8Array): void }) => {
        this.#responseBytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
      flush: () => this.#finish(response, false),
      cancel: () => this.#finish(response, true),
    };
    const counted = new TransformStream<Uint8Array, Uint8Array>(watcher);
    const body = response.body.pipeThrough(counted);
    return new Response(body, response);
  }

  #finish(response: Response, aborted: boolean): void {
    this.#passage.finish({
      // A request's body may be read in many ways; only its header is sure.
      requestBytes: undefined,
      responseBytes: this.#responseBytes,
      requestLength: this.#request.headers.get('content-length') ?? undefined,
      responseLength: response.headers.get('content-length') ?? undefined,
      aborted,
      route: undefined,
    });
  }
}
