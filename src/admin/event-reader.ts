import type { AdminEvent } from './admin-api.ts';

/** An event as the stream carried it. */
export interface ReceivedEvent {
  /** Pass it as `lastEventId` to go on after this event. */
  readonly id: string;
  /** `gap`: events before this point are lost to this reader, so it reads the status anew. */
  readonly event: AdminEvent | { readonly type: 'gap'; readonly data: Readonly<Record<string, never>> };
}

/** Characters of one event; a longer one ends the stream with an error. */
const maxEventLength = 4 * 1_048_576;

/**
 * Reads server-sent events (WHATWG HTML section 9.2) until the stream ends; comments (heartbeats) are skipped.
 * A connection that breaks ends the iteration as an orderly end does.
 */
export async function* readEventStream(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ReceivedEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  try {
    for await (const chunk of stream) {
      pending += decoder.decode(chunk, { stream: true });
      const blocks = pending.split('\n\n');
      pending = blocks.pop() ?? '';
      if (pending.length > maxEventLength) return;
      for (const block of blocks) {
        const received = parseEvent(block);
        if (received !== undefined) yield received;
      }
    }
  } catch (error) {
    if (!isStreamEnd(error)) throw error;
  }
}

function parseEvent(block: string): ReceivedEvent | undefined {
  const fields: Record<string, string> = {};
  for (const line of block.split('\n')) {
    const match = /^(id|event|data): ?(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields[match[1]] = match[2];
  }
  const { id, event: type, data } = fields;
  if (id === undefined || type === undefined || data === undefined) return undefined;
  return { id, event: { type, data: JSON.parse(data) } as ReceivedEvent['event'] };
}

function isStreamEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'ABORT_ERR' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE';
}
