import type { Args } from './args.ts';
import type { Io } from './io.ts';

/** One option of a command. Parsing, help and completion all read it from here. */
export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What its value is called in the help, like `FILE`; absent: the option is a switch. */
  readonly value?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /** An empty value means something. */
  readonly mayBeEmpty?: boolean;
  readonly summary: string;
  /** The values that there are, or some that come to mind; for completion. */
  readonly suggestions?: readonly string[];
  /** The heading in the help that it stands below, instead of `Options`. Those of one group follow each other. */
  readonly group?: string;
}

/** A word that a command needs after its name. */
export interface Argument {
  /** As the help shows it, like `ID`. */
  readonly name: string;
  /** Like `the id of a key`. */
  readonly what: string;
  readonly suggestions?: readonly string[];
  /** The command does without it, when an option says what it would. */
  readonly optional?: boolean;
}

export interface Command {
  /** Its words after `latchkey`: `['keys', 'create']`. */
  readonly words: readonly string[];
  /** One line. */
  readonly summary: string;
  /** Paragraphs of the help, below the options. */
  readonly notes?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly flags: readonly Flag[];
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** @returns the exit code; fails by throwing */
  run(args: Args, io: Io): Promise<number>;
}

/** What every command takes. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: 'json', summary: 'Answer in JSON; errors too, on standard error.' },
  { name: 'help', short: 'h', summary: 'Show this help.' },
];

/** Every option of a command, its own first. */
export function flagsOf(command: Command): readonly Flag[] {
  return [...command.flags, ...COMMON_FLAGS];
}

/** `latchkey keys create` */
export function nameOf(command: Command): string {
  return ['latchkey', ...command.words].join(' ');
}
