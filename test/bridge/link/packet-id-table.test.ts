import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PacketIdTable } from '../../../src/bridge/link/packet-id-table.ts';

test('a table behaves as a map does, also where identifiers share a place', () => {
  // 16 places, and many identifiers for each.
  const id = fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(16, 32, 48, 65_520, 65_535));
  const step = fc.record({ what: fc.constantFrom('set', 'delete', 'clear', 'set', 'delete', 'set'), id });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new PacketIdTable<number>(10);
      const model = new Map<number, number>();
      steps.forEach(({ what, id }, value) => {
        if (what === 'set') table.set(id, value);
        if (what === 'set') model.set(id, value);
        if (what === 'delete') table.delete(id);
        if (what === 'delete') model.delete(id);
        if (what === 'clear' && value % 7 === 0) table.clear();
        if (what === 'clear' && value % 7 === 0) model.clear();
        assert.equal(table.get(id), model.get(id));
        assert.equal(table.size, model.size);
      });
      for (let id = 0; id <= 65_535; id += id < 90 ? 1 : 5) assert.equal(table.get(id), model.get(id));
      assert.deepEqual([...table.values()].toSorted(), [...model.values()].toSorted());
    }),
  );
});
