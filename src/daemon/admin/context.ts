/** What administrative commands need of the daemon, and what they may answer with. */
import type { ClusterConfig } from '../cluster-config.ts';
import type { PrefixStats } from '../stats/prefixes.ts';
import type { StatsSource, Streamed } from '../stats/rows.ts';

/** Shared by all connections. */
export interface AdminContext extends StatsSource {
  readonly clusterConfig: ClusterConfig;
  readonly prefixes: PrefixStats;
  /** Reads the certificates again; what is wrong with them if they cannot be used, and the old ones stay. */
  refreshCertificates(): string | undefined;
  /** Why so many bytes of items are more than the container has; undefined if they are not. */
  whyTooMuch(itemBytes: number): string | undefined;
  /** Begins to stop the daemon, as SIGTERM does. */
  stop(): void;
}

/** A data block that has to arrive before the command is answered. */
export interface ExpectedBody {
  /** Its length with the line end. */
  bodyBytes: number;
  /** Takes it and returns the answer. */
  onBody: (body: Uint8Array) => Uint8Array;
}

/** A data block that is not wanted: skipped behind the answer, since left unread it would be taken for commands. */
export interface RefusedBody {
  /** Its length with the line end. */
  bodyBytes: number;
  refusal: Uint8Array;
  /** It is refused since the token was wrong: whoever guesses is made to wait. */
  wrongToken: boolean;
}

/** From now on the connection is a watcher of these events: bits of `Watched`. */
export interface Watching {
  mask: number;
}

/** An answer, which is shared if it is bytes, or what else becomes of the connection. */
export type AdminAnswer = string | Uint8Array | ExpectedBody | RefusedBody | Streamed | Watching;
