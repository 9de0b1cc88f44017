/**
 * Octets of one block. An image keeps its block in memory as long as it lives: larger blocks would let a few images that
 * are asked for again and again keep what a flood has made between them.
 */
const blockOctets = 4_096;
/** A larger image has memory of its own. */
const largestShared = 1_024;

/** Copies the first `length` octets to memory that images share: an array of its own costs each as much as its writing. */
export function createImageMemory(): (octets: Uint8Array, length: number) => Uint8Array {
  let block = new Uint8Array(blockOctets);
  let used = 0;
  return (octets, length) => {
    // Not slice: that of a Buffer is a view.
    if (length > largestShared) return new Uint8Array(octets.subarray(0, length));
    if (used + length > blockOctets) {
      block = new Uint8Array(blockOctets);
      used = 0;
    }
    for (let at = 0; at < length; at += 1) block[used + at] = octets[at] ?? 0;
    used += length;
    return block.subarray(used - length, used);
  };
}
