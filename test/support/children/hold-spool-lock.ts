import { lockSpool } from '../../../ingest/spool-lock.ts';

/** Takes the lock of the folder given as argument, says so to its parent, and keeps it until it is killed. */
await lockSpool(process.argv[2] ?? '');
process.send?.('locked');
setInterval(() => {}, 3_600_000);
