import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { Changes } from '../e2e/eventually.ts';

/** A plain instance of a service: one subscription in the share group of a broker. */
export class PlainInstance {
  readonly texts: string[] = [];
  readonly #client: MqttClient;
  readonly #subscription: string;

  private constructor(client: MqttClient, subscription: string, onText: () => void) {
    this.#client = client;
    this.#subscription = subscription;
    client.on('message', (_topic, payload) => {
      this.texts.push(payload.toString());
      onText();
    });
  }

  static async join(url: string, subscription: string, onText: () => void): Promise<PlainInstance> {
    const client = await connectAsync(url, { protocolVersion: 5, clean: true });
    const instance = new PlainInstance(client, subscription, onText);
    await client.subscribeAsync(subscription, { qos: 1 });
    return instance;
  }

  /** As it must leave: nothing more comes, and what came is finished. */
  async leave(): Promise<void> {
    await this.#client.unsubscribeAsync(this.#subscription);
    await this.#client.endAsync();
  }

  async kill(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

/** A service under load: plain instances at the source, a hearing at the target, and numbered messages that must reach either. */
export class ServiceUnderLoad implements AsyncDisposable {
  readonly #urls: { readonly source: string; readonly target: string };
  readonly #subscription: string;
  readonly #instances = new Map<string, PlainInstance>();
  readonly #former: PlainInstance[] = [];
  readonly #atTarget: string[] = [];
  readonly #clients: MqttClient[] = [];
  readonly #changes = new Changes();
  readonly sent: string[] = [];
  #load: Promise<void> = Promise.resolve();
  #isLoaded = true;

  private constructor(urls: { readonly source: string; readonly target: string }, share: string) {
    this.#urls = urls;
    this.#subscription = `$share/${share}/dt/#`;
  }

  static async start(
    urls: { readonly source: string; readonly target: string },
    {
      share,
      instances,
      perSecond,
    }: { readonly share: string; readonly instances: readonly string[]; readonly perSecond: number },
  ): Promise<ServiceUnderLoad> {
    const service = new ServiceUnderLoad(urls, share);
    for (const name of instances) await service.join(name);
    const [device, backend] = await Promise.all([urls.source, urls.target].map((url) => connectAsync(url)));
    service.#clients.push(device as MqttClient, backend as MqttClient);
    backend?.on('message', (_topic, payload) => {
      service.#atTarget.push(payload.toString());
      service.#changes.announce();
    });
    await backend?.subscribeAsync('dt/#', { qos: 1 });
    service.#load = service.#publish(device as MqttClient, perSecond);
    return service;
  }

  async join(name: string): Promise<void> {
    const instance = await PlainInstance.join(this.#urls.source, this.#subscription, () => this.#changes.announce());
    this.#instances.set(name, instance);
  }

  async leave(name: string): Promise<void> {
    const instance = this.#instances.get(name) as PlainInstance;
    this.#instances.delete(name);
    this.#former.push(instance);
    await instance.leave();
  }

  /** Everything that plain instances and the target have heard, probes left out. */
  get heard(): ReadonlySet<string> {
    const plain = [...this.#instances.values(), ...this.#former].flatMap(({ texts }) => texts);
    return new Set([...plain, ...this.#atTarget].filter((text) => !text.startsWith('{')));
  }

  /** Ends the load, and waits until everything that the broker acknowledged was heard somewhere. */
  async settle(): Promise<void> {
    this.#isLoaded = false;
    await this.#load;
    const what = () => `${this.sent.filter((text) => !this.heard.has(text)).length} messages were heard nowhere`;
    await this.#changes.until(what, () => this.heard.size >= this.sent.length, 20_000);
  }

  async #publish(device: MqttClient, perSecond: number): Promise<void> {
    const sends: Promise<unknown>[] = [];
    for (let number = 0; this.#isLoaded; number += 1) {
      const text = `message ${number}`;
      sends.push(device.publishAsync(`dt/${number % 7}/x`, text, { qos: 1 }).then(() => this.sent.push(text)));
      await wait(1_000 / perSecond);
    }
    await Promise.all(sends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLoaded = false;
    await this.#load.catch(() => {});
    for (const instance of this.#instances.values()) await instance.kill();
    for (const client of this.#clients) await client.endAsync(true);
  }
}
