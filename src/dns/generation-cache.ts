/**
 * At most about `capacity` values, those used last: two generations, of which the older is dropped when the younger is
 * full. One map read for what is asked often, where a list of uses costs ten times as much.
 */
export interface GenerationCache<Value> {
  get(key: number): Value | undefined;
  set(key: number, value: Value): void;
}

export function createGenerationCache<Value>(capacity: number): GenerationCache<Value> {
  const generationSize = Math.max(1, capacity >>> 1);
  let young = new Map<number, Value>();
  let old = new Map<number, Value>();

  function set(key: number, value: Value): void {
    if (young.size >= generationSize && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }

  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
  };
}
