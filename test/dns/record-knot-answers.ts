import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { matrixFile, matrixFolder, matrixOrigins, matrixQuestion, matrixQuestions } from './knot-matrix.ts';

/**
 * `node test/dns/record-knot-answers.ts`: serves the zones of the matrix with Knot (Debian's `knot` and `knot-dnsutils`)
 * on loopback, asks every question and writes knot-answers.txt, which the unit tests hold the lookup to.
 */
const port = Number(process.env['KNOT_PORT'] ?? 5391);
const folder = mkdtempSync(join(tmpdir(), 'knot-matrix-'));
const zones = matrixOrigins.map((origin) => `  - domain: ${origin}.\n    file: ${matrixFile(origin)}`);
writeFileSync(
  join(folder, 'knot.conf'),
  `server:
    rundir: ${folder}
    listen: 127.0.0.1@${port}
database:
    storage: ${folder}
template:
  - id: default
    storage: ${matrixFolder}
    zonefile-sync: -1
    journal-content: none
zone:
${zones.join('\n')}
`,
);
const knot = spawn('knotd', ['-c', join(folder, 'knot.conf')], { stdio: 'ignore' });
try {
  await answering();
  const blocks = matrixQuestions.map((row) => `${row}\n${ask(row)}`);
  writeFileSync(join(import.meta.dirname, 'knot-answers.txt'), `${blocks.join('\n\n')}\n`);
} finally {
  knot.kill();
}

async function answering(): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      if (ask('@ SOA').includes('NOERROR')) return;
    } catch {
      // Not listening yet.
    }
    await wait(200);
  }
  throw new Error('Knot does not answer');
}

/** `NOERROR qr aa`, then a line `section owner ttl type data` for each record, sorted: order in a set means nothing. */
function ask(row: string): string {
  const { name, type } = matrixQuestion(row);
  const options = ['+norec', '+noedns', '+nottl', '+ttl', '+retry=0', '+time=2', '+ignore', '+generic'];
  const text = execFileSync('kdig', ['@127.0.0.1', '-p', String(port), ...options, name, type], { encoding: 'utf8' });
  const rcode = /status: (\w+)/.exec(text)?.[1];
  const flags = /Flags: ([\w ]*);/.exec(text)?.[1];
  const lines: string[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    section = /^;; (ANSWER|AUTHORITY|ADDITIONAL) SECTION/.exec(line)?.[1]?.toLowerCase() ?? section;
    const record = /^(\S+)\s+(\d+)\s+(?:IN|CLASS1)\s+(\S+)\s+(.*)$/.exec(line);
    if (record !== null) lines.push([section, ...record.slice(1)].join(' '));
  }
  return [`${rcode} ${flags}`, ...lines.sort()].join('\n');
}
