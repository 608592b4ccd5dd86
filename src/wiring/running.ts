import type { Config, ListenAddress } from '../config/config.ts';
import type { GatewayLog } from '../observe/logger.ts';
import type { MetricsSnapshot } from '../observe/metrics.ts';
import type { Conditions } from '../observe/readiness.ts';

export interface ServerOptions {
  readonly log: GatewayLog;
  readonly version: string;
}

/** A gateway that serves: proxy, management, health and metrics, and what works behind them. */
export interface RunningServer {
  readonly proxyAddress: ListenAddress;
  readonly healthAddress: ListenAddress;
  /** null: there is no management listener. */
  readonly managementAddress: ListenAddress | null;
  /** Takes over another configuration. Returns the settings that changed and that only a restart brings in. */
  reload(config: Config): readonly string[];
  /** Counts a configuration that could not be taken over. */
  reloadFailed(): void;
  /** Drains, writes what waits to be written, and closes everything. */
  stop(): Promise<void>;
}

/** One of several processes behind the same addresses: another one asks it how it is, and tells the world. */
export interface RunningWorker extends Pick<RunningServer, 'proxyAddress' | 'managementAddress' | 'stop'> {
  /** As that of a server. */
  reload(config: Config): readonly string[];
  /** What must be met before it should get requests. Never rejects. */
  conditions(): Promise<Conditions>;
  /** What it counted. */
  snapshot(): Promise<MetricsSnapshot>;
}
