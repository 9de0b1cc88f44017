import type { SessionParts } from './session-parts.ts';
import { UnreadPatience } from './unread-patience.ts';

/** Whom the shell is to read: told when it changes. */
export class SessionReading {
  readonly #parts: SessionParts;
  readonly #unread: UnreadPatience;
  #readsDevice = true;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#unread = new UnreadPatience(parts.device.keepAliveSeconds);
  }

  /** Until when the device may be left unread; infinity: for ever, or it is read. */
  get deadlineMs(): number {
    return this.#unread.deadlineMs;
  }

  /** After every event. `isBlocked`: what came of the device last can not be taken in. */
  tell(isBlocked: boolean): void {
    const { port, isQuiescing, legs, leg: active, nowMs } = this.#parts;
    const readsDevice = !isBlocked || isQuiescing;
    this.#unread.note(!readsDevice && active.isOver, nowMs);
    if (readsDevice !== this.#readsDevice) {
      this.#readsDevice = readsDevice;
      port.readDevice(readsDevice);
    }
    for (const leg of legs) {
      if (leg === undefined || leg.isOver || leg.isRead === !leg.stream.isBlocked) continue;
      leg.isRead = !leg.stream.isBlocked;
      port.readBroker(leg.number, leg.isRead);
    }
  }
}
