/** Where a browser on this machine finds a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  return `http://${host === '0.0.0.0' || host === '127.0.0.1' ? 'localhost' : host}:${port}`;
}
