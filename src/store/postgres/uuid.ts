const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether PostgreSQL would take `text` as a uuid; other ids are nobody's, and asking for them would be an error. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
