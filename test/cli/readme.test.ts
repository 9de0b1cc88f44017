import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { developmentPki } from '../../certs/development-pki.ts';
import { createSystemSource } from '../../src/config/configuration-source.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { makeDirectory, runInProcess } from './spawned-cli.ts';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');

function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block = '']) => block);
}

test("the README's configuration is right, with the development PKI beside it", async (context) => {
  const directory = await makeDirectory(context);
  const pki = join(directory, 'certs/dev');
  await mkdir(pki, { recursive: true });
  await mkdir(join(directory, 'var'));
  for (const { name, content } of developmentPki({ domain: 'mqtt.example.com', devices: 0 })) {
    await writeFile(join(pki, name), content);
  }
  const configurations = blocks('yaml');
  assert.equal(configurations.length, 1);
  for (const configuration of configurations) {
    const path = join(directory, 'var/crossfade.yaml');
    await writeFile(path, configuration);
    const variable = () => '0123456789abcdef0123456789abcdef';
    const loaded = loadConfiguration(path, { ...createSystemSource(), variable });
    assert.deepEqual(loaded.ok ? loaded.value.warnings : loaded.error, []);
  }
});

test("the README's set-up needs no program but npm's", () => {
  const [, quickStart = '', setUp = ''] = readme.split(/^## /m);
  const [beforeMosquitto = ''] = setUp.split('**4. Connect a device**');
  const lines = [quickStart, beforeMosquitto].flatMap((section) =>
    [...section.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trimEnd().split('\n')),
  );
  assert.ok(lines.length >= 8, lines.join('\n'));
  for (const line of lines) assert.match(line, /^(?:npm|npx|mkdir|export|\(umask 077 && npx) /);
});

test('the README names what its test command and its benchmark need', async () => {
  const [installer, bench] = await Promise.all(
    ['test/integration/install-peers.sh', 'bench/README.md'].map((path) =>
      readFile(new URL(`../../${path}`, import.meta.url), 'utf8'),
    ),
  );
  const [, packages = ''] = /^ {4}packages='([^']+)'$/m.exec(installer ?? '') ?? [];
  const [, tools = ''] = /Debian packages ([^;]+);/.exec(bench ?? '') ?? [];
  const names = [...packages.split(' '), ...tools.replaceAll('`', '').split(', ')];
  assert.ok(names.length >= 6, names.join());
  for (const name of names) assert.ok(readme.includes(`\`${name}\``), name);
});

test("the README's command lines name commands and options that there are", async () => {
  const lines = blocks('sh').flatMap((block) =>
    [...block.matchAll(/^npx crossfade (.+)$/gm)].map(([, line = '']) => line),
  );
  assert.ok(lines.length >= 7);
  for (const line of lines) {
    const words = line.split(' ');
    const path = ['plan', 'aws'].includes(words[0] ?? '') ? words.slice(0, 2) : words.slice(0, 1);
    const { code, stdout } = await runInProcess([...path, '--help']);
    assert.equal(code, 0, line);
    assert.ok(stdout.startsWith(`Usage: crossfade ${path.join(' ')} `), line);
    for (const option of line.match(/--[a-z-]+/g) ?? [])
      assert.ok(stdout.includes(`  ${option} `), `${line}: ${option}`);
  }
});
