import { EntriesFromEnd } from './entries.ts';
import { forwardedNodeAddress, isHiddenNode, withoutBlanks } from './node-address.ts';

/** One element of Forwarded (RFC 7239): what one proxy says of the connection that a request came to it over. */
export interface ForwardedElement {
  /** Who sent it the request, in canonical form; null when it does not say, or not by an address. */
  readonly address: string | null;
  /** The protocol that was used for that, as written; '' when it does not say. */
  readonly proto: string;
  /** The Host that was asked for, as written; '' when it does not say. */
  readonly host: string;
}

/** `name=token` or `name="quoted"` (RFC 9110 §5.6): each alternative begins differently, so that matching is linear. */
const PAIR =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*)")/y;

/** Reads the elements of Forwarded from the last to the first: the last is the nearest proxy's. */
export class ForwardedReader {
  readonly #entries: EntriesFromEnd;
  /** The leftmost element that was read and is not malformed. */
  leftmost: ForwardedElement | null = null;

  /** @param text all values of the header, in order, joined with commas */
  constructor(text: string) {
    this.#entries = new EntriesFromEnd(text);
  }

  /** The next element to the left; null when there is none, or it is malformed. Not to be called after a null. */
  previous(): ForwardedElement | null {
    const entry = this.#entries.previous();
    const element = entry === null ? null : parseElement(entry);
    if (element !== null) this.leftmost = element;
    return element;
  }
}

/**
 * Reads one element, strictly: no spaces but around it, no parameter twice, quotes where the RFC wants them.
 * @returns null when it is malformed, or says nothing
 */
export function parseElement(text: string): ForwardedElement | null {
  const parameters = parametersOf(withoutBlanks(text));
  if (parameters === null || parameters.size === 0) return null;
  const node = parameters.get('for');
  const address = node === undefined ? null : forwardedNodeAddress(node);
  if (node !== undefined && address === null && !isHiddenNode(node)) return null;
  return { address, proto: parameters.get('proto') ?? '', host: parameters.get('host') ?? '' };
}

/** Parameters by their lower-case names. */
function parametersOf(text: string): Map<string, string> | null {
  const parameters = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    if (text[at] !== ';') {
      PAIR.lastIndex = at;
      const found = PAIR.exec(text);
      if (found === null) return null;
      const [pair, name = '', token, quoted = ''] = found;
      const key = name.toLowerCase();
      if (parameters.has(key)) return null;
      parameters.set(key, token ?? quoted.replace(/\\(.)/gs, '$1'));
      at += pair.length;
      if (at < text.length && text[at] !== ';') return null;
    }
    at++;
  }
  return parameters;
}
