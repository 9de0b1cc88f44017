import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { AccountDescription } from '../../../src/aws/account/account-description.ts';
import { hasWork } from '../../../src/aws/account/account-plan.ts';
import { policyDocument } from '../../../src/aws/account/policy-document.ts';
import { AccountWorld, applyOnce, census, planOnce } from './account-world.ts';
import { region, sampleDescription } from './sample-account.ts';

/** The same account a while later: something of each kind is another. */
function changedDescription(): AccountDescription {
  const first = sampleDescription();
  const rights = { connect: 'attachedThing', publish: ['other/#'], subscribe: [], retain: false } as const;
  const [devices, gateway] = first.authorities;
  const [authorizer] = first.authorizers;
  assert.ok(devices && gateway && authorizer && first.thingType && first.domain && first.logging && first.safetyNet);
  return {
    ...first,
    policies: [{ name: 'crossfade-device', document: policyDocument(rights, { region }) }],
    thingType: { ...first.thingType, propagatingAttributes: [] },
    authorities: [
      { ...devices, registration: { by: 'nobody' } },
      { ...gateway, isActive: false },
    ],
    authorizers: [{ ...authorizer, isActive: false }],
    domain: { ...first.domain, tlsPolicy: 'IoTSecurityPolicy_TLS12_1_2_2022_10' },
    safetyNet: { ...first.safetyNet, filter: 'dt/#' },
    logging: { ...first.logging, level: 'DEBUG' },
  };
}

/** Where a run starts, and what it is to bring about. */
const runs = [
  { name: 'a first apply', before: undefined, target: sampleDescription() },
  { name: 'an apply of changes', before: sampleDescription(), target: changedDescription() },
] as const;

for (const { name, before, target } of runs) {
  describe(name, async () => {
    const world = await AccountWorld.start();
    after(() => world[Symbol.asyncDispose]());
    const { calls, expected } = await uninterrupted(world, before, target);

    test('plan, apply, plan: no difference', async () => {
      await begin(world, before);
      assert.equal(hasWork(await planOnce(world, { description: target })), true);
      assert.equal((await applyOnce(world, { description: target })).failed, undefined);
      const steps = await planOnce(world, { description: target });
      assert.deepEqual([...new Set(steps.map(({ action }) => action))].toSorted(), ['nothing']);
    });

    for (let call = 1; call <= calls.length; call += 1) {
      test(`killed after call ${call}, ${calls[call - 1]}: the next run finishes without a duplicate`, async () => {
        await begin(world, before);
        let made = 0;
        world.beforeCall = () => {
          made += 1;
          if (made < call) return undefined;
          return { what: 'cut', when: made === call ? 'after' : 'before' };
        };
        await applyOnce(world, { description: target, rates: { tries: 1 } }).catch(() => undefined);
        await assertFinishes(world, target, expected);
      });

      // Nothing comes of a question whose answer is lost.
      if (/^(?:Get|Describe|List)/.test(calls[call - 1] ?? '')) continue;
      test(`the answer to call ${call}, ${calls[call - 1]}, is lost: the same run finishes without a duplicate`, async () => {
        await begin(world, before);
        let made = 0;
        world.beforeCall = () => {
          made += 1;
          return made === call ? { what: 'cut', when: 'after' } : undefined;
        };
        const { failed } = await applyOnce(world, { description: target });
        assert.equal(failed?.error.message, undefined);
        await assertFinishes(world, target, expected);
      });
    }
  });
}

/** An account that is as `description` says, or has nothing. */
async function begin(world: AccountWorld, description: AccountDescription | undefined): Promise<void> {
  world.reset();
  if (description !== undefined) await applyOnce(world, { description });
  world.calls.length = 0;
}

async function uninterrupted(world: AccountWorld, before: AccountDescription | undefined, target: AccountDescription) {
  await begin(world, before);
  await applyOnce(world, { description: target });
  const calls = [...world.calls];
  return { calls, expected: await census(world) };
}

async function assertFinishes(
  world: AccountWorld,
  description: AccountDescription,
  expected: Awaited<ReturnType<typeof census>>,
): Promise<void> {
  world.beforeCall = () => undefined;
  const { failed } = await applyOnce(world, { description });
  assert.equal(failed?.error.message, undefined);
  assert.equal(hasWork(await planOnce(world, { description })), false);
  assert.deepEqual(await census(world), expected);
}
