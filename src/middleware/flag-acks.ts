import type { FlagAck } from '../domain/flag-wire.ts';

/**
 * Tells the server which revision this process obeys: one call at a time, the newest revision wins. What fails is tried
 * again with the next word from the server, at the latest its repeated snapshot.
 */
export class FlagAcks {
  readonly #send: (ack: FlagAck) => Promise<boolean>;
  readonly #ackOf: () => FlagAck;
  readonly #onFailed: () => void;
  #acknowledged = -1;
  #isSending = false;
  #isStopped = false;

  constructor(ackOf: () => FlagAck, send: (ack: FlagAck) => Promise<boolean>, onFailed: () => void) {
    this.#ackOf = ackOf;
    this.#send = send;
    this.#onFailed = onFailed;
  }

  acknowledge(): void {
    const ack = this.#ackOf();
    if (this.#isStopped || this.#isSending || ack.revision < 0 || ack.revision === this.#acknowledged) return;
    this.#isSending = true;
    this.#send(ack)
      .catch(() => false)
      .then((isTaken) => {
        this.#isSending = false;
        if (!isTaken) {
          this.#onFailed();
          return;
        }
        this.#acknowledged = ack.revision;
        this.acknowledge();
      })
      .catch(() => undefined);
  }

  stop(): void {
    this.#isStopped = true;
  }
}
