/** A server-sent event, as far as it is used here. */
export interface StreamEvent {
  /** '' when it had none. */
  readonly id: string;
  readonly data: string;
}

/** Characters of one event; no entry of a log is near that long. */
const MAX_EVENT = 1024 * 1024;
const LINE_END = /\r?\n/;

/** One event was longer than any can be. */
export class EventTooLong extends Error {}

/**
 * Reads server-sent events as they come.
 *
 * @returns each event, and null for a comment, which says that the connection is alive
 */
export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<StreamEvent | null> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_END);
    rest = lines.pop() ?? '';
    if (rest.length + size > MAX_EVENT) throw new EventTooLong();
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, data: data.join('\n') };
        id = '';
        data = [];
        size = 0;
        continue;
      }
      const { name, value } = fieldOf(line);
      if (name === '') yield null;
      else if (name === 'id') id = value;
      else if (name === 'data') data.push(value);
      size += line.length;
      if (size > MAX_EVENT) throw new EventTooLong();
    }
  }
}

/** A line is `name: value`; a comment has no name. */
function fieldOf(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { name: line, value: '' };
  const value = line.slice(colon + 1);
  return { name: line.slice(0, colon), value: value.startsWith(' ') ? value.slice(1) : value };
}
