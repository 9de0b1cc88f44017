import type { LinkCounts } from './link-counts.ts';
import type { LinkItem } from './link-item.ts';
import type { BurialReason, LinkPort } from './link-port.ts';

/** Dead letters on their way to the disk, beyond which nothing is buried that can stand in line as well. */
const maxWaiting = 1_000;

/** What goes to the dead letters, or nowhere where the rule says so. */
export class Burials {
  readonly #port: Pick<LinkPort, 'bury'>;
  readonly #counts: LinkCounts;
  readonly #isDropping: boolean;
  #waiting = 0;

  constructor(isDropping: boolean, counts: LinkCounts, port: Pick<LinkPort, 'bury'>) {
    this.#isDropping = isDropping;
    this.#counts = counts;
    this.#port = port;
  }

  get isFull(): boolean {
    return this.#waiting >= maxWaiting;
  }

  /** False: there is nothing to wait for, it is over. */
  bury(item: LinkItem, reason: BurialReason): boolean {
    if (this.#isDropping) {
      this.#counts.drop(reason);
      return false;
    }
    this.#counts.bury(reason);
    item.isDead = true;
    this.#waiting += 1;
    this.#port.bury(item, reason);
    return true;
  }

  handleBuried(): void {
    this.#waiting -= 1;
  }
}
