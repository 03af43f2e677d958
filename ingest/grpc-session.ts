import { constants, type ServerHttp2Session } from 'node:http2';

/** A connection that carries no call for so long is given back; clients open another without losing anything. */
const IDLE_MS = 10 * 60_000;
/** A client that looks whether the line is alive asks every ten seconds at most; one that floods is cut. */
const MAX_PINGS = 60;
const PING_WINDOW_MS = 60_000;

/** Ends a connection that nobody uses or that only costs time. */
export function watchSession(session: ServerHttp2Session, idleMs: number = IDLE_MS): void {
  // What breaks a connection is the client's affair; its streams close with it.
  session.on('error', () => {});
  const idle = setTimeout(() => session.close(), idleMs).unref();
  session.on('stream', () => void idle.refresh());
  session.once('close', () => clearTimeout(idle));
  let pings = 0;
  let windowEnds = 0;
  session.on('ping', () => {
    const now = performance.now();
    if (now >= windowEnds) {
      windowEnds = now + PING_WINDOW_MS;
      pings = 0;
    }
    pings += 1;
    if (pings <= MAX_PINGS) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  });
}
