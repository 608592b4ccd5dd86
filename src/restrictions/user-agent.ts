import { z } from 'zod';
import { deny } from '../core/denial.ts';
import { restriction } from './restriction.ts';

/**
 * Bounds on the work for one request: whoever holds the key may choose patterns and header alike. Only text between two
 * stars is searched for, in 3 µs a pattern at worst (`*aaaab*` in 512 times `a`, Node 26 on two shared cores); the worst
 * list that these bounds leave takes 10 µs, one of ten programs 0.2.
 */
const MAX_PATTERNS = 20;
const MAX_SEARCHING = 3;
const MAX_STARS = 4;
const MAX_LENGTH = 200;
const MAX_SENT = 512;
/** What a header can be, which has no space at its ends; and is more than stars. */
const PATTERN = /^(?=.*[^*])[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

const BLOCKED = deny('user_agent_blocked', 'This key may be used only by the programs that it was restricted to.');
const TOO_LONG = deny(
  'user_agent_blocked',
  `This key may be used only by certain programs, and a User-Agent of more than ${MAX_SENT} characters is none of theirs.`,
);

/**
 * An allow-list of programs, by the User-Agent header. Whoever holds the key can send any: it keeps a key in the program
 * that it was made for by its honest users, and is no protection against a thief.
 */
export const userAgent = restriction({
  name: 'user_agent',
  field: 'user_agent_restrictions',
  code: 'user_agent_blocked',
  none: [] as readonly string[],
  label: 'Programs',
  option: {
    name: 'user-agent',
    value: 'PATTERN',
    summary: 'A User-Agent that may use the key; * stands for any text, as in acme-sync/*.',
  },
  stored: z.array(z.string()),
  input: z
    .array(z.string())
    .max(MAX_PATTERNS)
    .meta({ description: 'Patterns of the User-Agent header; `*` stands for any text. None: any.' })
    .meta({ examples: [['acme-sync/*']] }),
  normal: (patterns) => patterns,
  text: (patterns) => (patterns.length === 0 ? 'any' : patterns.join(', ')),
  faults: faultsOf,
  compile(patterns) {
    const list = patterns.map(partsOf);
    return (request) => {
      const sent = request.header('user-agent');
      if (sent === undefined) return BLOCKED;
      if (sent.length > MAX_SENT) return TOO_LONG;
      for (const parts of list) if (fits(sent, parts)) return null;
      return BLOCKED;
    };
  },
  seen: (_patterns, request) =>
    `User-Agent ${JSON.stringify(request.header('user-agent')?.slice(0, MAX_LENGTH) ?? '')}`,
  loosened(patterns, request) {
    const sent = request.header('user-agent') ?? '';
    // Clients choose it: as a pattern it would let in others than this one.
    if (sent.includes('*')) return null;
    const wider = [...patterns, sent];
    return faultsOf(wider).length === 0 ? wider : null;
  },
});

function faultsOf(patterns: readonly string[]): string[] {
  if (patterns.length > MAX_PATTERNS) {
    return [`user_agent_restrictions: ${patterns.length} entries; expected at most ${MAX_PATTERNS}`];
  }
  const searching = patterns.filter((text) => partsOf(text).between.length > 0).length;
  const tooMany = `user_agent_restrictions: ${searching} patterns with text between two *, like *bot*; expected at most ${MAX_SEARCHING}`;
  return [...patterns.flatMap(faultsOfPattern), ...(searching > MAX_SEARCHING ? [tooMany] : [])];
}

function faultsOfPattern(text: string, index: number): string[] {
  const shown = `user_agent_restrictions[${index}]: ${JSON.stringify(text.slice(0, MAX_LENGTH))}`;
  if (text.length > MAX_LENGTH || !PATTERN.test(text)) {
    return [
      `${shown} is not a pattern; expected printable text of up to ${MAX_LENGTH} characters, without spaces at its ends and not only *, like acme-sync/*`,
    ];
  }
  const stars = text.split('*').length - 1;
  return stars > MAX_STARS ? [`${shown} has ${stars} *; expected at most ${MAX_STARS}`] : [];
}

/** A pattern, taken apart at its stars. */
interface Parts {
  readonly first: string;
  readonly between: readonly string[];
  /** null: there is no star, and `first` is all of it. */
  readonly last: string | null;
}

function partsOf(pattern: string): Parts {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? null;
  return { first, between: rest.filter((piece) => piece !== ''), last };
}

/**
 * Piece after piece, each at the first place where it fits: no text makes it turn back. The ends are compared as slices,
 * which goes several characters at a time; `startsWith` takes them one by one.
 */
function fits(text: string, { first, between, last }: Parts): boolean {
  if (last === null) return text === first;
  const end = text.length - last.length;
  if (end < first.length || text.slice(0, first.length) !== first || text.slice(end) !== last) return false;
  let at = first.length;
  for (const piece of between) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
