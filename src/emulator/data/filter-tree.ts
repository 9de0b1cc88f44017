interface Level<Subscriber> {
  readonly children: Map<string, Level<Subscriber>>;
  /** Who subscribed to the filter that ends here, with the QoS that it was granted. */
  readonly subscribers: Map<Subscriber, 0 | 1>;
}

/** Who subscribed to which filter, as a tree of levels: finding a topic's subscribers costs its levels, not their number. */
export class FilterTree<Subscriber> {
  readonly #matchesParent: boolean;
  readonly #root: Level<Subscriber> = createLevel();

  /** `matchesParent`: whether `a/#` also matches `a`, as MQTT says and AWS does not do. */
  constructor(matchesParent: boolean) {
    this.#matchesParent = matchesParent;
  }

  /** `filter` without `$share/name/`. */
  add(filter: string, subscriber: Subscriber, qos: 0 | 1): void {
    let level = this.#root;
    for (const name of filter.split('/')) {
      let child = level.children.get(name);
      if (child === undefined) {
        child = createLevel();
        level.children.set(name, child);
      }
      level = child;
    }
    level.subscribers.set(subscriber, qos);
  }

  remove(filter: string, subscriber: Subscriber): void {
    const trail: { readonly parent: Level<Subscriber>; readonly name: string }[] = [];
    let level = this.#root;
    for (const name of filter.split('/')) {
      const child = level.children.get(name);
      if (child === undefined) return;
      trail.push({ parent: level, name });
      level = child;
    }
    level.subscribers.delete(subscriber);
    for (const { parent, name } of trail.reverse()) {
      const child = parent.children.get(name);
      if (child === undefined || child.subscribers.size > 0 || child.children.size > 0) return;
      parent.children.delete(name);
    }
  }

  /** Everybody with a filter that matches, once each, with the highest QoS of those filters. */
  match(topic: string): Map<Subscriber, 0 | 1> {
    const found = new Map<Subscriber, 0 | 1>();
    this.#collect(this.#root, topic.split('/'), 0, found);
    return found;
  }

  #collect(level: Level<Subscriber>, names: readonly string[], depth: number, found: Map<Subscriber, 0 | 1>): void {
    const name = names[depth];
    if (name === undefined) {
      addAll(level.subscribers, found);
      if (this.#matchesParent) addAll(level.children.get('#')?.subscribers, found);
      return;
    }
    const exact = level.children.get(name);
    if (exact !== undefined) this.#collect(exact, names, depth + 1, found);
    // A wildcard does not stand for a first level that begins with `$` [MQTT-4.7.2-1].
    if (depth === 0 && name.startsWith('$')) return;
    const any = level.children.get('+');
    if (any !== undefined) this.#collect(any, names, depth + 1, found);
    addAll(level.children.get('#')?.subscribers, found);
  }
}

function createLevel<Subscriber>(): Level<Subscriber> {
  return { children: new Map(), subscribers: new Map() };
}

function addAll<Subscriber>(from: ReadonlyMap<Subscriber, 0 | 1> | undefined, to: Map<Subscriber, 0 | 1>): void {
  if (from === undefined) return;
  for (const [subscriber, qos] of from) to.set(subscriber, qos === 1 || to.get(subscriber) === 1 ? 1 : 0);
}
