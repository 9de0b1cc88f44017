import { lockStore } from '../../../src/plan/store/store-lock.ts';

/** A process that takes the lock of the store in its argument and keeps it until it is killed. */
const locked = lockStore(process.argv[2] ?? '');
process.send?.(locked.ok ? 'locked' : locked.error);
process.on('message', () => undefined);
