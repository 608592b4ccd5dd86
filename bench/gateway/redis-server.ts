import { freePort } from '../../test/support/redis.ts';
import { type Pinned, startPinned } from './process.ts';

export interface RedisProgram {
  readonly port: number;
  readonly program: Pinned;
}

/** A Redis without persistence on some cores. It begins with the `dump.rdb` of its folder, where there is one. */
export async function startRedisServer(core: string, folder: string): Promise<RedisProgram> {
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const program = startPinned(core, 'redis-server', settings);
  await program.waitFor(/Ready to accept connections/);
  return { port, program };
}
