import { createHash } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RuleDestinations } from './rule-destinations.ts';

/** S3's own bound of a key. */
const maxKeyBytes = 1_024;
const maxSegmentBytes = 255;

/** `DIR/s3/BUCKET/KEY` and `DIR/logs/GROUP`; nothing that a key says leads out of its bucket's folder. */
export function createLocalDestinations(folder: string): RuleDestinations {
  return {
    async writeObject(bucket, key, body) {
      if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw new Error(`There is no bucket ${bucket}`);
      if (key === '' || Buffer.byteLength(key) > maxKeyBytes) throw new Error('The key is empty or too long');
      const file = join(folder, 's3', bucket, ...key.split('/').map(pathSegment));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, body);
    },
    async appendLog(logGroup, line) {
      const file = join(folder, 'logs', pathSegment(logGroup));
      await mkdir(dirname(file), { recursive: true });
      await appendFile(file, `${line}\n`);
    },
  };
}

/**
 * One part of a key as a file's name, reversible as far as it fits: what a file's name cannot have is percent-encoded,
 * an empty part and one of dots too.
 */
export function pathSegment(text: string): string {
  if (text === '') return '%';
  const encoded = encodeURIComponent(text.toWellFormed()).replace(/[*'()!~]/g, (character) => `%${hexOf(character)}`);
  const safe = /^\.+$/.test(encoded) ? encoded.replaceAll('.', '%2E') : encoded;
  if (safe.length <= maxSegmentBytes) return safe;
  return `${safe.slice(0, 180)}%~${createHash('sha256').update(text).digest('hex')}`;
}

function hexOf(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase();
}
