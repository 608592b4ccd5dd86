import type { PlacesSource } from '../core/places.ts';
import { URL_SETTING } from './fetch-list.ts';
import { FetchedTorList, type ListAddress } from './fetched-tor-list.ts';
import { invalidFile } from './file.ts';
import type { PlacesOptions } from './options.ts';
import { secondsSince } from './record.ts';
import { MAX_TOR_BYTES, parseTorList, type TorExits } from './tor-list.ts';
import { type FileKind, WatchedFile } from './watched-file.ts';

const FILE_SETTING = 'tor.list_file';

/** Where the addresses of Tor's exits are listed: in a file, or where they are fetched from. */
export type TorListAt = { readonly kind: 'file'; readonly path: string } | ({ readonly kind: 'url' } & ListAddress);

/** The list of Tor's exits, wherever it comes from. */
export interface TorSource {
  /** null: there is no list yet. */
  exits(): TorExits | null;
  status(): PlacesSource;
  start(): void;
  stop(): void | Promise<void>;
}

/** @throws PlacesError when a file that is configured cannot be used */
export async function openTor(source: TorListAt, options: PlacesOptions): Promise<TorSource> {
  const loaded = (exits: TorExits, at: number): PlacesSource['loaded'] => {
    return { at, ageSeconds: secondsSince(at, options.clock), addresses: exits.addresses.size };
  };
  if (source.kind === 'file') {
    const file = await WatchedFile.open(torFileKind(source.path), options);
    return {
      exits: () => file.loaded.value,
      status: () => ({
        setting: FILE_SETTING,
        loaded: loaded(file.loaded.value, file.loaded.writtenAt),
        troubles: file.troubles,
        updates: { ...file.updates },
      }),
      start: () => file.start(),
      stop: () => file.stop(),
    };
  }
  const list = await FetchedTorList.open(source, options);
  return {
    exits: () => list.good?.exits ?? null,
    status: () => ({
      setting: URL_SETTING,
      loaded: list.good === null ? null : loaded(list.good.exits, list.good.at),
      troubles: list.troubles,
      updates: { ...list.updates },
    }),
    start: () => list.start(),
    stop: () => list.stop(),
  };
}

export function torFileKind(path: string): FileKind<TorExits> {
  return {
    setting: FILE_SETTING,
    path,
    limit: MAX_TOR_BYTES,
    parse: async ({ bytes }, before) => {
      const exits = await parseTorList(bytes, before);
      if (typeof exits === 'string') throw invalidFile(FILE_SETTING, path, exits);
      return exits;
    },
    describe: ({ value }) => `${value.addresses.size} addresses`,
  };
}
