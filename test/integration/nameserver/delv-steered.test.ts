import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { keyFlags, type ZoneKey } from '../../../src/dns/dnssec-key.ts';
import { temporaryDirectory } from '../spawned-process.ts';
import { createZoneKey, signedOrigin, signedSource } from './signed-zone.ts';
import { startOurServer } from './zone-server.ts';

const validated = /^; fully validated\n/;
const denied = /^; negative response, fully validated\n/;

/** A question, what delv begins with, and what else it says. */
const questions: readonly (readonly [string, string, RegExp, RegExp])[] = [
  ['big', 'TXT', validated, /ffff/],
  ['svc', 'HTTPS', validated, /alpn="h2"/],
  ['www', 'MX', validated, /web\.signed\.test\. NSEC/],
  ['nothere', 'A', denied, /NSEC \\000\.nothere\.signed\.test\. RRSIG NSEC TYPE128$/m],
  ['foo.wild', 'A', validated, /foo\.wild\.signed\.test\.\t300\tIN\tA\t192\.0\.2\.40/],
  ['a.dn', 'A', validated, /DNAME\ttarget[\s\S]*192\.0\.2\.71/],
  ['nothere.dn', 'A', validated, /nothere\.target\.signed\.test\. NSEC .*TYPE128$/m],
  ['safe', 'DS', validated, /12345 13 2/],
  ['front', 'A', validated, /front\.signed\.test\.\t30\tIN\tA\t203\.0\.113/],
  ['front', 'AAAA', denied, /NSEC \\000\.front\.signed\.test\. A/],
  ['device-7.d', 'AAAA', validated, /device-7\.d\.signed\.test\.\t30\tIN\tAAAA\t2001:db8::1/],
  ['device-7.d', 'TXT', denied, /A AAAA RRSIG NSEC$/m],
];

describe('delv validates steered names, and nothing that another key signed', { timeout: 120_000 }, () => {
  const one = createZoneKey();
  const two = [createZoneKey(keyFlags.entryPoint), createZoneKey(keyFlags.zone)];

  for (const [what, keys] of [
    ['one key', [one]],
    ['a key for the entry and one for the data', two],
  ] as const) {
    test(`${questions.length} answers with ${what}`, async () => {
      await using ours = await startOurServer(signedSource(keys));
      const printed = await Promise.all(questions.map(([name, type]) => delv(ours.port, keys[0], name, type)));
      for (const [index, [name, type, beginning, rest]] of questions.entries()) {
        assert.match(printed[index] ?? '', beginning, `${name} ${type}`);
        assert.match(printed[index] ?? '', rest, `${name} ${type}`);
      }
    });
  }

  test('over TCP', async () => {
    await using ours = await startOurServer(signedSource([one]));
    for (const [name, type, beginning] of questions.slice(0, 4)) {
      assert.match(await delv(ours.port, one, name, type, ['+tcp']), beginning);
    }
  });

  test('not with the key of somebody else as its anchor', async () => {
    await using ours = await startOurServer(signedSource([one]));
    for (const [name, type] of questions) {
      assert.doesNotMatch(await delv(ours.port, createZoneKey(), name, type), /fully validated/, `${name} ${type}`);
    }
  });

  test('not what another key signed', async () => {
    await using ours = await startOurServer(signedSource([one], [createZoneKey()]));
    for (const [name, type] of questions) {
      assert.doesNotMatch(await delv(ours.port, one, name, type), /fully validated/, `${name} ${type}`);
    }
  });
});

/** What delv prints on both outputs, with the anchor being this key. It ends with 1 where nothing validates. */
async function delv(
  port: number,
  anchor: ZoneKey | undefined,
  name: string,
  type: string,
  options: readonly string[] = [],
): Promise<string> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'anchor.conf');
  const key = Buffer.from(anchor?.publicKey ?? []).toString('base64');
  await writeFile(file, `trust-anchors { ${signedOrigin} static-key ${anchor?.flags} 3 13 "${key}"; };\n`);
  const owner = name === '@' ? signedOrigin : `${name}.${signedOrigin}`;
  const commandLine = ['@127.0.0.1', '-p', String(port), '-a', file, `+root=${signedOrigin}`, '+nodnssec', ...options];
  try {
    const { stdout, stderr } = await promisify(execFile)('delv', [...commandLine, '-q', owner, '-t', type]);
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}${error}`;
  }
}
