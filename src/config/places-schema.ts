import { z } from 'zod';
import { DAY } from './bounds.ts';
import type { TorListSource } from './config.ts';
import { duration, filePath, type Invalid, text, unexpected } from './fields.ts';
import { listUrl } from './network-fields.ts';

export const countrySchema = z
  .strictObject({
    database: filePath()
      .describe(
        'An MMDB file that knows the countries of addresses; a new one is seen by itself. Without one, no country is known.',
      )
      .optional(),
  })
  .describe('Where addresses are, for country_restrictions.')
  .prefault({})
  .transform((v) => v.database ?? null);

const KEPT_WHAT = 'the path of a file, or off';

/** Yields null for `off`. */
function filePathOrOff() {
  return text(KEPT_WHAT, (input): string | null | Invalid => {
    if (input === 'off') return null;
    return input === '' || input.includes('\0') ? unexpected(KEPT_WHAT, input) : input;
  });
}

export const torSchema = z
  .strictObject({
    list_file: filePath()
      .describe('A file with the addresses of the exits of Tor, one on each line; a new one is seen by itself.')
      .optional(),
    list_url: listUrl().describe('Where such a list is fetched from, instead of list_file.').optional(),
    refresh: duration({ min: 60_000, max: 7 * DAY })
      .describe('The time between two fetches of list_url, give or take a tenth.')
      .prefault('1h'),
    kept_file: filePathOrOff()
      .describe('Where the last good list from list_url is kept over a restart; or off.')
      .prefault('./data/tor-exits.txt'),
  })
  .describe('Who comes over Tor, for block_tor: list_file or list_url. Without either, nobody knows.')
  .prefault({})
  .transform((v): TorListSource | null => {
    if (v.list_url !== undefined) {
      return { kind: 'url', url: v.list_url, refreshMs: v.refresh, keptFile: v.kept_file };
    }
    return v.list_file === undefined ? null : { kind: 'file', path: v.list_file };
  });
