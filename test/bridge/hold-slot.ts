import { BridgeDirectory } from '../../src/bridge/bridge-directory.ts';
import { writeStatus } from '../../src/bridge/directory-board.ts';
import { type Slot, slotsOf } from '../../src/bridge/division/slot.ts';
import { unchangedTopic } from '../../src/mqtt/topic-rule.ts';

/** Enters the directory of its argument and holds one slot until it is killed. */
const directory = new BridgeDirectory(process.argv[2] as string);
const presence = directory.enter();
const [slot] = slotsOf(
  {
    ...{ name: 'held', from: 'legacy', to: 'aws', filter: 'dt/#', qos: 1, topicChange: unchangedTopic },
    ...{ order: 'parallel', retained: 'never', undeliverable: 'drop' },
  },
  { members: 1, partitions: 1 },
) as [Slot];
const lock = directory.claim(slot);
directory.describeSlot(slot);
writeStatus(directory, { process: presence.process, pid: process.pid, startedAtMs: 0, writtenAtMs: 0, slots: [] });
process.stdout.write('held\n');
// Both are held as long as somebody has them.
setInterval(() => [presence, lock], 1_000);
