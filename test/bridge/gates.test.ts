import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GatedLink, Gates } from '../../src/bridge/gates.ts';
import { silentLog } from './temporary-folder.ts';

/** A link of which only its gate is there. */
class Link {
  readonly source: string;
  readonly target: string;
  readonly slot: GatedLink['slot'];
  isAnswered = false;
  isAtTarget = true;
  isOpen = false;

  constructor(name: string, source: string, target: string) {
    this.source = source;
    this.target = target;
    this.slot = { label: 'p0of1', rule: { name } } as GatedLink['slot'];
  }

  openGate(): void {
    this.isOpen = true;
  }
}

function world() {
  const up = new Link('telemetry', 'legacy', 'aws');
  const down = new Link('commands', 'aws', 'legacy');
  const time = { nowMs: 1_000 };
  const warnings: unknown[] = [];
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => 0 };
  const log = { ...silentLog, warn: (at: unknown) => void warnings.push(at) };
  const gates = new Gates({ runners: [up, down] }, { clock, log, waitMs: 30_000 });
  gates.begin();
  return { up, down, time, warnings, gates };
}

describe('a gate', () => {
  test('opens when what listens at the target was answered', () => {
    const { up, down, gates } = world();
    up.isAnswered = true;
    gates.look();
    assert.deepEqual([up.isOpen, down.isOpen], [false, true]);
    down.isAnswered = true;
    gates.look();
    assert.equal(up.isOpen, true);
  });

  test('of a target that takes messages waits for one that it does not let in, but not for ever', () => {
    const { up, time, warnings, gates } = world();
    gates.look();
    time.nowMs += 29_999;
    gates.look();
    assert.equal(up.isOpen, false);
    time.nowMs += 1;
    gates.look();
    gates.look();
    assert.equal(up.isOpen, true);
    assert.deepEqual(warnings[0], { rule: 'telemetry', silent: 'commands', broker: 'aws' });
    assert.equal(warnings.length, 2);
  });

  test('of a target that is down waits from when it is there', () => {
    const { up, time, gates } = world();
    up.isAtTarget = false;
    gates.look();
    time.nowMs += 3_600_000;
    gates.look();
    up.isAtTarget = true;
    gates.look();
    assert.equal(up.isOpen, false);
  });
});
