/** What the daemon counts, in typed-array slots and plain numbers; names are memcached's. */
import { LISTS_PER_CLASS } from './storage/item-lists.ts';

/** Counters per size class, as `stats slabs` shows them; `stats` shows their sums. */
class ClassCounters {
  readonly setCommands: Float64Array;
  readonly touchHits: Float64Array;
  readonly deleteHits: Float64Array;
  readonly incrHits: Float64Array;
  readonly decrHits: Float64Array;
  readonly casHits: Float64Array;
  readonly casBadval: Float64Array;
  /** Hits of retrievals by class × LISTS_PER_CLASS + LRU list. */
  readonly lruHits: Float64Array;

  constructor(largestClass: number) {
    const perClass = (): Float64Array => new Float64Array(largestClass + 1);
    this.setCommands = perClass();
    this.touchHits = perClass();
    this.deleteHits = perClass();
    this.incrHits = perClass();
    this.decrHits = perClass();
    this.casHits = perClass();
    this.casBadval = perClass();
    this.lruHits = new Float64Array((largestClass + 1) * LISTS_PER_CLASS);
  }

  reset(): void {
    for (const counter of Object.values(this)) counter.fill(0);
  }
}

export class Counters {
  readonly classes: ClassCounters;
  getCommands = 0;
  getMisses = 0;
  /** The command `me`, which is all that memcached's cmd_meta counts. */
  metaCommands = 0;
  touchCommands = 0;
  touchMisses = 0;
  deleteMisses = 0;
  incrMisses = 0;
  decrMisses = 0;
  casMisses = 0;
  flushCommands = 0;
  storeTooLarge = 0;
  storeNoMemory = 0;
  bytesRead = 0;
  bytesWritten = 0;
  /** Logins, and those of them that were refused. */
  authCommands = 0;
  authErrors = 0;
  /** Datagrams that were not answered, or not wholly: too many, too much, or from a port that no client has. */
  udpDropped = 0;
  /** `config set` with a wrong token. */
  configAuthErrors = 0;
  currentConnections = 0;
  totalConnections = 0;
  rejectedConnections = 0;
  /** Connections that were closed because they asked for nothing (`-o idle_timeout`). */
  idleKicks = 0;
  /** Connections that were closed because they left an answer, a value or a line unfinished for too long. */
  stalledKicks = 0;
  /** Times a connection had to let the others have their turn (`-R`). */
  connectionYields = 0;
  /** Times that new connections had to wait (`-o no_maxconns_fast`), and microseconds of it. */
  listenDisabled = 0;
  listenDisabledUs = 0;
  /** 0 while new connections wait. */
  acceptingConnections = 1;

  constructor(largestClass: number) {
    this.classes = new ClassCounters(largestClass);
  }

  /** What `stats reset` sets to zero. */
  reset(): void {
    this.classes.reset();
    this.getCommands = this.getMisses = 0;
    this.metaCommands = this.touchCommands = this.touchMisses = this.deleteMisses = 0;
    this.incrMisses = this.decrMisses = this.casMisses = this.flushCommands = 0;
    this.storeTooLarge = this.storeNoMemory = 0;
    this.bytesRead = this.bytesWritten = 0;
    this.authCommands = this.authErrors = this.configAuthErrors = this.udpDropped = 0;
    this.totalConnections = this.rejectedConnections = this.idleKicks = this.connectionYields = 0;
    this.stalledKicks = 0;
    this.listenDisabled = this.listenDisabledUs = 0;
  }
}

/** The sum of a counter over all classes. */
export function sum(counter: Float64Array): number {
  return counter.reduce((total, value) => total + value, 0);
}
