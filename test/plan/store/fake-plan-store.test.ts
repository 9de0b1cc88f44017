import { FakePlanStore } from './fake-plan-store.ts';
import { runPlanStoreContract } from './plan-store-contract.ts';

runPlanStoreContract('fake plan store', () => {
  const store = new FakePlanStore();
  return {
    store,
    openAnother: () => new FakePlanStore(store.shared),
    damage: () => {
      store.shared.isDamaged = true;
    },
    repair: () => {
      store.shared.isDamaged = false;
    },
  };
});
