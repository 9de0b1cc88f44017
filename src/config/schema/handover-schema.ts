import { z } from 'zod';
import { numberBetween, wholeNumber } from './words.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How live sessions change their broker. */
export const handoverSchema = z
  .strictObject({
    overlapMs: wholeNumber(0, 60_000)
      .default(1_500)
      .describe('Milliseconds that both brokers deliver to a device after its switch'),
    bridgeWaitMs: wholeNumber(0, hourMs)
      .default(60_000)
      .describe('Milliseconds that the switches of a cutover wait for rules of the bridge that are behind'),
    settleMs: z
      .exactOptional(wholeNumber(0, 60_000))
      .describe('Milliseconds until a new subscription surely delivers; absent: what the profile of the broker says'),
    rollbackWindowMs: wholeNumber(0, dayMs)
      .default(900_000)
      .describe('Milliseconds that the former connection of a moved session stays, for an instant rollback'),
    abortPercent: numberBetween(0, 100)
      .default(2)
      .describe('A move stops itself when more of its attempts than this were given up'),
    attemptMs: wholeNumber(1_000, hourMs)
      .default(60_000)
      .describe('Milliseconds that the handover of one session may take up to its switch'),
  })
  .describe('How live sessions change their broker without a reconnect');
