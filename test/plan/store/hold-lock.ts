import { lockStore } from '../../../src/plan/store/store-lock.ts';

/** A process that takes the lock of the store in its argument and keeps it until it is killed. */
const locked = lockStore(process.argv[2] ?? '');
process.send?.(locked.ok ? 'locked' : locked.error);
// The listener refers to the lock: what nothing refers to is collected, and a collected database is closed.
process.on('message', () => locked.ok);
