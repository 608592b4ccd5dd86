import { hash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyAnswer, KeyList } from '../../src/management/schemas/key.ts';
import { configText } from './keys-fixture.ts';
import { cli, folder, latchkey, type Result } from './run.ts';

/** A folder with a store, and the commands that move keys in and out of it. */
export class Place {
  readonly cwd: string;
  readonly config: string;

  constructor(t: { teardown(handler: () => void): void }, more = '', store?: string) {
    this.cwd = folder(t);
    this.config = join(this.cwd, 'latchkey.yaml');
    writeFileSync(this.config, configText(store ?? `sqlite:${join(this.cwd, 'keys.db')}`) + more);
  }

  /** Runs a command line in this process. */
  run(...args: readonly string[]): Promise<Result> {
    return cli([...args, '--config', this.config]);
  }

  /** Runs one as a process of its own. */
  process(...args: readonly string[]): Promise<Result> {
    return latchkey([...args, '--config', this.config], { cwd: this.cwd });
  }

  /** Runs one that answers in JSON, whatever comes of it. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { stdout, stderr } = await this.run(...args, '--json');
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }

  /** Writes a file into the folder. @returns its path */
  write(name: string, text: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, text);
    return path;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  path(name: string): string {
    return join(this.cwd, name);
  }

  /** Every key that there is. */
  async keys(): Promise<KeyAnswer[]> {
    return (await this.json<KeyList>('keys', 'list')).keys;
  }

  /** The lines of a backup of the store, without the header and the footer, which name the time. */
  async backup(): Promise<string[]> {
    const { code, stdout, stderr } = await this.run('export');
    if (code !== 0) throw new Error(stderr);
    return stdout.split('\n').slice(1, -2);
  }
}

/** What is told of an import or a migration. */
export interface Told {
  readonly blocked: boolean;
  readonly interrupted: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  readonly imported: readonly { id: string | null; line: number; name: string; permissions: string[] }[];
  readonly present: readonly { id: string; line: number }[];
  readonly conflicts: readonly { line: number; message: string }[];
  readonly refused: readonly { line: number; field: string | null; message: string }[];
}

/** A secret as another program makes them. */
export function legacySecret(): string {
  return `legacy.${randomBytes(20).toString('base64url')}`;
}

export function sha256(secret: string): string {
  return hash('sha256', secret, 'hex');
}
