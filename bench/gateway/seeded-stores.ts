import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyFile } from './key-files.ts';
import { type Pinned, startPinned } from './process.ts';
import { startRedisServer } from './redis-server.ts';

export interface OpenedStore {
  /** As `store` in the configuration has it. */
  readonly url: string;
  /** Its process, where it has one. */
  readonly program?: Pinned;
}

type StoreKind = 'sqlite' | 'redis';

const SEED = new URL('seed.ts', import.meta.url).pathname;
/** A million keys take a minute or two. */
const SEED_MS = 900_000;

/** Stores with keys in them. Each set of keys is put in once; every start of a gateway gets a copy of its own. */
export class SeededStores {
  readonly #folder: string;
  readonly #made = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param folder where the copy lies */
  async open(kind: StoreKind, keys: KeyFile, folder: string, core: string): Promise<OpenedStore> {
    const name = `${kind}-${keys.count}`;
    const made = this.#made.get(name) ?? this.#make(kind, keys, join(this.#folder, name), core);
    this.#made.set(name, made);
    cpSync(await made, folder, { recursive: true });
    if (kind === 'sqlite') return { url: `sqlite:${join(folder, 'latchkey.db')}` };
    const { port, program } = await startRedisServer(core, folder);
    return { url: `redis://127.0.0.1:${port}`, program };
  }

  /** @returns the folder with what is to be copied */
  async #make(kind: StoreKind, keys: KeyFile, folder: string, core: string): Promise<string> {
    mkdirSync(folder);
    if (kind === 'sqlite') {
      await seed(`sqlite:${join(folder, 'latchkey.db')}`, keys, folder, core);
      return folder;
    }
    const { port, program } = await startRedisServer(core, folder);
    await seed(`redis://127.0.0.1:${port}`, keys, folder, core);
    const saving = startPinned(core, 'redis-cli', ['-p', String(port), 'save'], { patienceMs: SEED_MS });
    await saving.waitFor(/^OK$/);
    await program.stop();
    return folder;
  }
}

async function seed(url: string, keys: KeyFile, folder: string, core: string): Promise<void> {
  const config = join(folder, 'seed.yaml');
  writeFileSync(config, `store: ${url}\nupstreams: [{ url: "http://127.0.0.1:9" }]\naccess: { any_key: ["* /*"] }\n`);
  const seeding = startPinned(core, process.execPath, [SEED, config, keys.file], { patienceMs: SEED_MS });
  await seeding.waitFor(/^seeded$/);
  await seeding.stop();
}
