import { mock } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';

/**
 * A clock that goes as the real one does, and jumps when told to; the gateway's timers jump with it. One for a whole file:
 * a timer that is cleared after `stop` would be taken for one of the next.
 */
export class TravellingClock implements Clock {
  #skewMs = 0;

  constructor() {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  }

  monotonicMs(): number {
    return performance.now() + this.#skewMs;
  }

  wallMs(): number {
    return Math.floor(Date.now() + this.#skewMs);
  }

  travel(milliseconds: number): void {
    this.#skewMs += milliseconds;
    mock.timers.tick(milliseconds);
  }

  stop(): void {
    mock.timers.reset();
  }
}
