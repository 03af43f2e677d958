import type { Defence } from './defence.ts';

const SPOOL = ['test/ingest/spool.test.ts'];
const FAULTS = ['test/ingest/spool-faults.test.ts'];
const RECOVERY = ['test/ingest/spool-recovery.test.ts'];

/** What keeps a request from its acknowledgement to the loader. */
export const SPOOL_DEFENCES: readonly Defence[] = [
  {
    name: 'fsync before the acknowledgement',
    promise: 'what was answered 200 outlasts a power loss',
    file: 'ingest/segment.ts',
    from: '    await this.#file.write(parts);\n    await this.#file.datasync();\n',
    to: '    await this.#file.write(parts);\n',
    tests: SPOOL,
  },
  {
    name: "fsync of a new segment's name",
    promise: 'what was answered 200 outlasts a power loss',
    file: 'ingest/segment.ts',
    from: '      await disk.syncFolder(paths.open);\n    } catch',
    to: '    } catch',
    tests: SPOOL,
  },
  {
    name: 'fsync of the move to the sealed segments',
    promise: 'a sealed segment is there after a power loss',
    file: 'ingest/segment.ts',
    from: '  await disk.syncFolder(paths.sealed);\n',
    to: '',
    tests: SPOOL,
  },
  {
    name: 'cut after a failed write',
    promise: 'a request that was refused is not stored',
    file: 'ingest/segment.ts',
    from: 'if (this.#damaged) await this.#file.truncate(this.#bytes);',
    to: '',
    tests: FAULTS,
  },
  {
    name: 'everybody who waits hears of a failed write',
    promise: 'no 200 for what is not on the disk',
    file: 'ingest/spool-lane.ts',
    from: '      await this.#fail(batch, toError(thrown));\n      return;\n',
    to: '      void thrown;\n',
    tests: [...FAULTS, 'test/ingest/spool-model.test.ts'],
  },
  {
    name: 'checksum at recovery',
    promise: 'a damaged record is neither loaded nor in the way of the others',
    file: 'ingest/spool-record.ts',
    from: 'return crc32(segment.subarray(frame.start, tagAt)) === segment.readUInt32LE(tagAt + CRC_TAG.length);',
    to: 'return true;',
    tests: RECOVERY,
  },
  {
    name: 'cut of a torn tail',
    promise: 'after a kill the segment ends with its last whole request',
    file: 'ingest/spool-recovery.ts',
    from: '      if (first[1] < contents.length) await file.truncate(first[1]);\n',
    to: '',
    tests: RECOVERY,
  },
  {
    name: 'quarantine of damaged bytes',
    promise: 'damaged bytes are kept with the reason',
    file: 'ingest/spool-recovery.ts',
    from: '      await quarantine(disk, paths, name, contents, scan, now());\n',
    to: '',
    tests: RECOVERY,
  },
  {
    name: 'limit of the spool',
    promise: 'a store that stays away fills no disk: clients are asked to come again',
    file: 'ingest/spool.ts',
    from: 'if (used + bytes > maxBytes) return',
    to: 'if (used + bytes < 0) return',
    tests: FAULTS,
  },
  {
    name: 'reserve on the disk',
    promise: 'ingest never fills the disk to the brim',
    file: 'ingest/spool.ts',
    from: 'if (waiting + bytes >= this.#usage.usableBytes) return',
    to: 'if (waiting + bytes < 0) return',
    tests: FAULTS,
  },
  {
    name: 'lock of the spool',
    promise: 'two processes never write one spool',
    file: 'ingest/spool.ts',
    from: 'const lock = await lockSpool(options.folder);',
    to: 'const lock = { release: async () => undefined };\n    void lockSpool;',
    tests: ['test/ingest/spool-owner.test.ts'],
  },
  {
    name: 'recognised retries',
    promise: 'a request that comes again after a lost answer is stored once',
    file: 'ingest/retry-memory.ts',
    from: '    if (known !== undefined) return { answer: known, isRetry: true };\n',
    to: '',
    tests: ['test/ingest/retry-memory.test.ts'],
  },
  {
    name: 'a retry beside the first attempt waits for it',
    promise: 'two attempts at once are stored once',
    file: 'ingest/retry-memory.ts',
    from: '      if (answer !== undefined) return { answer, isRetry: true };\n',
    to: '      void answer;\n      break;\n',
    tests: ['test/ingest/retry-memory.test.ts'],
  },
  {
    name: "the key in a request's identity",
    promise: 'equal bytes of two senders are two requests',
    file: 'ingest/retry-memory.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    from: '`${keyId}\\n${signal}\\n`',
    to: "''",
    tests: ['test/ingest/retry-memory.test.ts'],
  },
  {
    name: 'fsync of the journal of retries',
    promise: 'retries are recognised across a restart',
    file: 'ingest/segment.ts',
    from: '      await journal?.append(this.name, this.#known);\n',
    to: '',
    tests: [
      'test/ingest/retry-journal.test.ts',
      'test/ingest/spool-recovery.test.ts',
      'test/ingest/spool-model.test.ts',
    ],
  },
];
