import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import mqtt from 'mqtt-packet';
import type { ConnectFields } from '../../../src/mqtt/connect-encoding.ts';
import { versions } from '../packet-arbitraries.ts';
import { codecs } from '../packet-codecs.ts';
import { formOfOracle, formOfOurs, hasRepeatedUserProperty, withoutUserProperties } from './common-form.ts';
import { askOracle, levels } from './oracle-verdict.ts';

/** The only difference in values that legal packets show: see "user properties that repeat" in named-differences.ts. */
function comparable(form: ReturnType<typeof formOfOurs>, reference = form) {
  return hasRepeatedUserProperty(reference) ? withoutUserProperties(form) : form;
}

/**
 * MQTT 5 §3.1.2.9 lets a password come without a username, and the bridge bit is a convention for every level:
 * mqtt-packet reads both, but refuses to write the first, and writes level 3 for a bridge of MQTT 5.
 */
function isBeyondItsWriter(value: unknown): boolean {
  const { protocol, bridge, username, password } = value as Partial<ConnectFields>;
  return (protocol === '5' && bridge === true) || (password !== undefined && username === undefined);
}

for (const codec of codecs) {
  for (const protocol of versions) {
    describe(`${codec.name} of ${protocol}, beside mqtt-packet`, () => {
      it('is read by mqtt-packet as it was meant', () => {
        fc.assert(
          fc.property(codec.any(protocol), (value) => {
            const verdict = askOracle(protocol, codec.encode(protocol, value));
            assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
            const ours = formOfOurs(codec.name, value);
            assert.deepEqual(comparable(formOfOracle(verdict.packet), ours), comparable(ours));
          }),
        );
      });

      it('is read as it was meant when mqtt-packet has written it', () => {
        fc.assert(
          fc.property(codec.any(protocol), (value) => {
            const verdict = askOracle(protocol, codec.encode(protocol, value));
            assert.ok(verdict.ok);
            fc.pre(!isBeyondItsWriter(value));
            const written = mqtt.generate(verdict.packet, { protocolVersion: levels[protocol] });
            const decoded = codec.decode(protocol, written);
            assert.ok(decoded.ok, decoded.ok ? '' : `${decoded.error.message}: ${written.toString('hex')}`);
            const ours = formOfOurs(codec.name, value);
            assert.deepEqual(comparable(formOfOurs(codec.name, decoded.value), ours), comparable(ours));
          }),
        );
      });
    });
  }
}
