import { z } from 'zod';
import { deny } from '../core/denial.ts';
import { restriction } from './restriction.ts';

const MAX_PATTERNS = 100;
const MAX_LENGTH = 200;
/** What a header can be, which has no space at its ends; and is more than stars. */
const PATTERN = /^(?=.*[^*])[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

const BLOCKED = deny('user_agent_blocked', 'This key may be used only by the programs that it was restricted to.');

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
  faults(patterns) {
    if (patterns.length > MAX_PATTERNS) {
      return [`user_agent_restrictions: ${patterns.length} entries; expected at most ${MAX_PATTERNS}`];
    }
    return patterns.flatMap((text, i) => {
      if (text.length <= MAX_LENGTH && PATTERN.test(text)) return [];
      const shown = JSON.stringify(text.slice(0, MAX_LENGTH));
      return [
        `user_agent_restrictions[${i}]: ${shown} is not a pattern; expected printable text of up to ${MAX_LENGTH} characters, without spaces at its ends and not only *, like acme-sync/*`,
      ];
    });
  },
  compile(patterns) {
    const matchers = patterns.map(matcherOf);
    return (request) => {
      const sent = request.header('user-agent');
      return sent !== undefined && matchers.some((matches) => matches(sent)) ? null : BLOCKED;
    };
  },
  seen: (_patterns, request) =>
    `User-Agent ${JSON.stringify(request.header('user-agent')?.slice(0, MAX_LENGTH) ?? '')}`,
  loosened(patterns, request) {
    const sent = request.header('user-agent') ?? '';
    return sent.length <= MAX_LENGTH && PATTERN.test(sent) ? [...patterns, sent] : null;
  },
});

/** Piece after piece, each at the first place where it fits: no text makes it turn back. */
function matcherOf(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] as string;
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces[pieces.length - 1] as string;
  const between = pieces.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
