import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasWork } from '../../../src/aws/account/account-plan.ts';
import { applyOnce, planOnce } from './account-world.ts';
import { sampleDescription } from './sample-account.ts';
import { SparseControlPlane } from './sparse-control-plane.ts';

test('at an endpoint that knows less than AWS: plan, apply, plan shows no difference, and says what it does not know', async () => {
  await using plane = await SparseControlPlane.start();
  // Without an authorizer: this endpoint has none to name.
  const { domain, ...rest } = sampleDescription();
  assert.ok(domain);
  const { authorizer: _none, ...plain } = domain;
  const description = { ...rest, domain: { ...plain, authenticationType: 'AWS_X509' as const } };
  assert.equal(hasWork(await planOnce(plane, { description })), true);
  const { failed, done } = await applyOnce(plane, { description });
  assert.equal(failed?.error.message, undefined);
  assert.deepEqual([...new Set(done.map(({ outcome }) => outcome))], ['created']);

  const steps = await planOnce(plane, { description });
  assert.equal(hasWork(steps), false);
  const told = Object.fromEntries(steps.map(({ resource, action, notTold }) => [resource.kind, { action, notTold }]));
  assert.deepEqual(told['authorizer']?.action, 'unsupported');
  assert.deepEqual(told['logging-options']?.action, 'unsupported');
  assert.deepEqual(told['ca-certificate'], {
    action: 'nothing',
    notTold: ['certificateMode', 'autoRegistrationStatus'],
  });
  assert.deepEqual(told['domain-configuration'], {
    action: 'nothing',
    notTold: ['tlsPolicy', 'authenticationType', 'applicationProtocol', 'clientCertificateCallbackArn'],
  });
  assert.deepEqual(told['topic-rule'], { action: 'nothing', notTold: [] });
});

test('at such an endpoint a second apply makes no call that changes anything', async () => {
  await using plane = await SparseControlPlane.start();
  const { domain: _none, ...description } = sampleDescription();
  await applyOnce(plane, { description });
  plane.calls.length = 0;
  await applyOnce(plane, { description });
  assert.ok(plane.calls.length > 5);
  assert.deepEqual(
    plane.calls.filter((call) => !call.startsWith('GET ')),
    [],
  );
});

test('at such an endpoint a change is an update of what is there', async () => {
  await using plane = await SparseControlPlane.start();
  const { domain: _none, ...description } = sampleDescription();
  await applyOnce(plane, { description });
  const [policy] = description.policies;
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  const changed = { ...description, policies: [{ ...policy, name: 'crossfade-device', document }] };
  const { done } = await applyOnce(plane, { description: changed });
  assert.deepEqual(
    done.map(({ outcome, step }) => `${outcome} ${step.resource.kind}`),
    ['updated policy'],
  );
  assert.equal(hasWork(await planOnce(plane, { description: changed })), false);
});
