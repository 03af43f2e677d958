/**
 * The records of a segment (varint length, then the message), each with its length prefix, as views on the same bytes.
 * @throws RangeError when the bytes end inside a record: a sealed segment never does
 */
export function splitRecords(segment: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  let start = 0;
  while (start < segment.length) {
    let length = 0;
    let offset = start;
    for (let shift = 0; ; shift += 7) {
      const byte = segment[offset];
      if (byte === undefined || shift > 28) throw new RangeError(`no whole record at byte ${start}`);
      offset += 1;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const end = offset + length;
    if (end > segment.length) throw new RangeError(`the record at byte ${start} is cut off`);
    records.push(segment.subarray(start, end));
    start = end;
  }
  return records;
}
