import { createReadStream } from 'node:fs';
import { PlacesError } from '../core/places.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a whole file.
 *
 * @param setting the setting that names it, for the error
 * @param limit   bytes
 * @throws PlacesError when it cannot be read, or is longer
 */
export async function readPlacesFile(setting: string, path: string, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) break;
      chunks.push(chunk);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new PlacesError('PLACES_UNREADABLE', setting, `${JSON.stringify(path)} cannot be read (${code})`);
  }
  if (length > limit) {
    throw invalidFile(setting, path, `is too long; expected at most ${limit / 1024 / 1024}MiB`);
  }
  return Buffer.concat(chunks, length);
}

/** @param problem what is wrong with the file, like `is empty; expected …` */
export function invalidFile(setting: string, path: string, problem: string): PlacesError {
  return new PlacesError('PLACES_INVALID', setting, `${JSON.stringify(path)} ${problem}`);
}
