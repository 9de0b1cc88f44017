import { constants, mkdir, type open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.ts';
import { type SpoolSegment, segmentName, segmentPosition, surveySegment } from './spool-segment.ts';

/** What a spool holds when it is opened. */
export interface RecoveredSpool {
  /** In the order of their positions. */
  readonly segments: SpoolSegment[];
  readonly cursor: number;
  readonly nextPosition: number;
}

/** The file with the first position that is needed, as text. */
export const cursorName = 'cursor';

interface Tools {
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly openFile: typeof open;
}

/** Finds what is there, and cuts off what a crash left half written. The directory is made where it is missing. */
export async function recoverSpool(directory: string, tools: Tools): Promise<RecoveredSpool> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await readdir(directory);
  const positions = names.flatMap((name) => segmentPosition(name) ?? []).toSorted((left, right) => left - right);
  const segments: SpoolSegment[] = [];
  for (const [index, firstPosition] of positions.entries()) {
    const segment = await recoverSegment(join(directory, segmentName(firstPosition)), firstPosition, tools);
    const next = positions[index + 1] ?? Number.POSITIVE_INFINITY;
    // Where writing failed, records that nobody was told of may lie behind those that the next segment goes on from.
    segments.push({ ...segment, count: Math.min(segment.count, next - firstPosition) });
  }
  const written = await readCursor(join(directory, cursorName));
  const last = segments.at(-1);
  const cursor = Math.max(written, segments[0]?.firstPosition ?? written);
  const nextPosition = last === undefined ? cursor : Math.max(cursor, last.firstPosition + last.count);
  return { segments, cursor, nextPosition };
}

async function recoverSegment(path: string, firstPosition: number, { log, openFile }: Tools): Promise<SpoolSegment> {
  const file = await openFile(path, constants.O_RDWR);
  try {
    const { size } = await file.stat();
    const { count, bytes, unreadable } = await surveySegment(file, size);
    if (size > bytes) {
      log.warn({ path, size, bytes }, 'A spool segment was torn, and is cut behind its last whole record');
      await file.truncate(bytes);
      await file.sync();
    }
    if (unreadable > 0) log.error({ path, unreadable }, 'Records of a spool segment cannot be read');
    return { path, firstPosition, count, bytes };
  } finally {
    await file.close();
  }
}

async function readCursor(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^\d{1,15}\n$/.test(text) ? Number(text) : 0;
}
