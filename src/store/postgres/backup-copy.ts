/**
 * COPY over a connection of the driver, which has the messages for it and no streams: rows as PostgreSQL writes them,
 * out of one database and into another, without being parsed on the way. One row is one chunk.
 */
import { Readable, Writable } from 'node:stream';
import type pg from 'pg';

/** What the driver's connection can do beyond its declared type. */
interface CopyConnection extends pg.Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

interface CommandComplete {
  readonly text: string;
}

/** `COPY … TO STDOUT` as a stream; hand it to `client.query`. Destroyed early, it takes the connection with it. */
export class CopyOut extends Readable implements pg.Submittable {
  readonly #sql: string;
  #connection: pg.Connection | undefined;
  #isOver = false;
  #rows = 0;

  constructor(sql: string) {
    super();
    this.#sql = sql;
  }

  /** As the server counted them; known at the end. */
  get rows(): number {
    return this.#rows;
  }

  submit(connection: pg.Connection): void {
    this.#connection = connection;
    connection.query(this.#sql);
  }

  override _read(): void {
    this.#connection?.stream.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // The rest of the rows would be in the way of whatever is asked next.
    if (!this.#isOver) this.#connection?.stream.destroy();
    done(error);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }, connection: pg.Connection): void {
    // The driver moves what it reads next over the memory of this chunk: what waits here would be other rows by then.
    if (!this.push(Buffer.from(chunk))) connection.stream.pause();
  }

  handleCommandComplete({ text }: CommandComplete): void {
    this.#rows = rowsOf(text);
  }

  handleError(error: Error): void {
    this.#isOver = true;
    this.destroy(error);
  }

  handleReadyForQuery(): void {
    this.#isOver = true;
    this.push(null);
  }
}

/** `COPY … FROM STDIN` as a stream; finished once the server has taken every row. */
export class CopyIn extends Writable implements pg.Submittable {
  readonly #sql: string;
  #connection: CopyConnection | undefined;
  #isOpen = false;
  #waiting: (() => void) | undefined;
  #finish: ((error?: Error | null) => void) | undefined;
  #rows = 0;

  constructor(sql: string) {
    super();
    this.#sql = sql;
  }

  /** As the server counted them; known once finished. */
  get rows(): number {
    return this.#rows;
  }

  submit(connection: pg.Connection): void {
    this.#connection = connection as CopyConnection;
    connection.query(this.#sql);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#whenOpen((connection) => {
      connection.sendCopyFromChunk(chunk);
      if (connection.stream.writableNeedDrain) connection.stream.once('drain', () => done());
      else done();
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish = done;
    this.#whenOpen((connection) => connection.endCopyFrom());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (error !== null && this.#isOpen) this.#connection?.sendCopyFail('the rows could not be read');
    this.#isOpen = false;
    done(error);
  }

  handleCopyInResponse(): void {
    this.#isOpen = true;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  handleCommandComplete({ text }: CommandComplete): void {
    this.#rows = rowsOf(text);
  }

  handleError(error: Error): void {
    this.#isOpen = false;
    this.destroy(error);
  }

  handleReadyForQuery(): void {
    this.#isOpen = false;
    this.#finish?.();
  }

  #whenOpen(work: (connection: CopyConnection) => void): void {
    const run = () => {
      if (this.#connection !== undefined && this.#isOpen) work(this.#connection);
    };
    if (this.#isOpen) run();
    else this.#waiting = run;
  }
}

/** `COPY 42` */
function rowsOf(tag: string): number {
  return Number(/^COPY (\d+)$/.exec(tag)?.[1] ?? 0);
}
