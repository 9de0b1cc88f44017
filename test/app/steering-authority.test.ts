import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openNameserverJournal } from '../../src/app/nameserver-journal.ts';
import { SteeringAuthority } from '../../src/app/steering-authority.ts';
import type { SteeringNotes } from '../../src/app/served-names.ts';
import type { Configuration } from '../../src/config/configuration.ts';
import { limitDefaults } from '../../src/config/limits.ts';
import type { ResolveFamily } from '../../src/nameserver/alias-refresher.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const configuration = {
  fleet: { domain: 'mqtt.example.com' },
  sites: [{ name: 'a', addresses: ['192.0.2.1'], weight: 100, near: [] }],
  nameserver: {
    zones: [
      {
        origin: 'mqtt.example.com',
        file: 'zone',
        steering: [{ owner: '@', by: 'split', ttl: 30, split: 's', parts: { direct: { alias: 'ATS.example.' } } }],
      },
    ],
    resolvers: [],
  },
  limits: limitDefaults,
} as unknown as Configuration;

function createAuthority(
  journal: ReturnType<typeof openNameserverJournal>,
  resolve: ResolveFamily,
  changes: { readonly sites?: readonly unknown[]; readonly former?: SteeringNotes } = {},
) {
  const { sites = configuration.sites, ...former } = changes;
  const clock = { monotonicMs: () => performance.now(), wallMs: () => 0 };
  const log = createLogger({ level: 'silent', component: 'test' });
  const said: string[] = [];
  const authority = new SteeringAuthority({
    ...{ configuration: { ...configuration, sites } as Configuration, clock, log, resolve, ...former },
    // The test closes it.
    journal: { ...journal, close: () => {} },
    onNotes: () => {},
    onSite: (site, health) => said.push(`${site} ${health}`),
  });
  return { authority, said };
}

const resolved: ResolveFamily = async (_name, family) => ({ addresses: family === 4 ? ['192.0.2.7'] : [], ttl: 60 });
const silent: ResolveFamily = async () => {
  throw new Error('timed out');
};

describe('SteeringAuthority', () => {
  test('operators’ words and aliases outlive a restart', async () => {
    const journal = openNameserverJournal(':memory:');
    const first = createAuthority(journal, resolved);
    await first.authority.start();
    first.authority.say('a', { drained: true }, { author: 'ops', reason: 'works' });
    first.authority.say('a', { forced: 'down' }, { author: 'ops', reason: 'more works' });
    first.authority.close();
    assert.deepEqual(first.said, ['a unknown', 'a down']);
    const second = createAuthority(journal, silent);
    await second.authority.start();
    assert.deepEqual(second.authority.notes, {
      conditions: { a: { health: 'down', drained: true } },
      aliases: { 'ats.example': ['192.0.2.7'] },
    });
    second.authority.say('a', { drained: false, forced: null }, { author: 'ops', reason: '' });
    assert.equal(second.authority.site('a')?.said, null);
    assert.equal(second.authority.site('a')?.health, 'unknown');
    second.authority.close();
    journal.close();
  });

  test('what the probes said before a restart stands until they say otherwise, and what was forced does not', () => {
    const journal = openNameserverJournal(':memory:');
    journal.setWord('b', { drained: false, forced: 'down', author: 'ops', at: 0, reason: '' });
    const probe = { tcp: 1, everyMs: 1_000, timeoutMs: 100, rise: 1, fall: 1, holdDownMs: 1_000 };
    const site = (name: string, ...addresses: readonly string[]) => ({ name, addresses, weight: 1, near: [], probe });
    const sites = [
      site('a', '192.0.2.1'),
      site('b', '192.0.2.2'),
      site('c', '192.0.2.3', '192.0.2.4'),
      site('d', '192.0.2.5'),
    ];
    const down = { health: 'down', drained: false } as const;
    const half = { health: 'up', drained: false, downAddresses: ['192.0.2.4'] } as const;
    const former = { conditions: { a: down, b: down, c: half }, aliases: {} };
    const { authority } = createAuthority(journal, silent, { sites, former });
    const healths = authority
      .sites()
      .map(({ name, health, downAddresses }) => [name, health, ...downAddresses].join(' '));
    assert.deepEqual(healths, ['a down', 'b down', 'c unknown 192.0.2.4', 'd unknown']);
    authority.say('b', { forced: null }, { author: 'ops', reason: '' });
    assert.equal(authority.site('b')?.health, 'unknown');
    authority.close();
    journal.close();
  });
});
