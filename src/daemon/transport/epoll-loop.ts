/**
 * An event loop of our own inside Bun's, for sockets that Bun does not know: what is ready is asked of the kernel and
 * handled without a call from C into JavaScript, a buffer or an object for each event.
 *
 *     Bun's loop ──setImmediate──► turn: wait for ours and for Bun's ──► handle what is ready ──► Bun's loop …
 *
 * Bun's loop is an epoll instance too, and an epoll instance can be waited for like a socket: so this one sleeps for
 * both, as programs do that put libuv into another loop (docs.libuv.org, uv_backend_fd). Bun's timers are not among what
 * it sees, so it never sleeps longer than WAIT_MAX_MS.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { turnsWait } from '../../base/turns.ts';
import {
  EPOLLIN,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  fixedMemory,
  type Libc,
  type Pointer,
} from './libc.ts';

/** Longest sleep in milliseconds, by which a timer of this process can be late. */
const WAIT_MAX_MS = 20;
/** Events taken with one call; more wait for the next. */
const EVENTS_MAX = 256;
/** Rounds before Bun's loop has its turn again: its sockets (TLS, UDP) and timers must not starve. */
const ROUNDS_PER_TURN = 8;

/** struct epoll_event is packed on x86-64 only (linux/eventpoll.h). */
const PACKED = process.arch === 'x64';
const EVENT_WORDS = PACKED ? 3 : 4;
const DATA_WORD = PACKED ? 1 : 2;

/** Something with a file descriptor that is watched. */
export interface Watched {
  readonly fd: number;
  /** The kernel says that it is ready. @param events EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
  onReady(events: number): void;
  /** Carries out what was put off until the end of a round. */
  settle(): void;
}

export class EpollLoop {
  readonly libc: Libc;
  readonly #epoll: number;
  readonly #events = new Int32Array(fixedMemory(4 * EVENTS_MAX * EVENT_WORDS));
  readonly #eventsAt: Pointer;
  /** One event, to tell the kernel what to watch for. */
  readonly #wish = new Int32Array(fixedMemory(4 * EVENT_WORDS));
  readonly #wishAt: Pointer;
  /** What is watched, by file descriptor. Index 0 is never ours. */
  readonly #watched: (Watched | undefined)[] = [];
  #count = 0;
  #unsettled: Watched[] = [];
  #running = false;

  constructor(libc: Libc) {
    this.libc = libc;
    this.#eventsAt = libc.ptr(this.#events);
    this.#wishAt = libc.ptr(this.#wish);
    const outer = outerLoops();
    this.#epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    for (const fd of outer) this.#tell(EPOLL_CTL_ADD, fd, EPOLLIN);
  }

  /** Watches for `events`; errors and hang-ups are told of in any case. */
  add(watched: Watched, events: number): void {
    this.#watched[watched.fd] = watched;
    this.#count++;
    this.#tell(EPOLL_CTL_ADD, watched.fd, events);
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  /** Watches for other events than before; undefined = for nothing, not even errors. */
  change(watched: Watched, before: number | undefined, events: number | undefined): void {
    const operation = events === undefined ? EPOLL_CTL_DEL : before === undefined ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    this.#tell(operation, watched.fd, events ?? 0);
  }

  /** Closes the file descriptor and forgets it. */
  close(watched: Watched): void {
    this.#watched[watched.fd] = undefined;
    this.#count--;
    this.libc.close(watched.fd);
  }

  /** Has `watched.settle` called before the next sleep. */
  settleLater(watched: Watched): void {
    this.#unsettled.push(watched);
  }

  #tell(operation: number, fd: number, events: number): void {
    this.#wish[0] = events;
    this.#wish[DATA_WORD] = fd;
    this.libc.epoll_ctl(this.#epoll, operation, fd, this.#wishAt);
  }

  readonly #turn = (): void => {
    this.#settle();
    let isBunReady = false;
    for (let round = 0; round < ROUNDS_PER_TURN && !isBunReady; round++) {
      const timeoutMs = round > 0 || turnsWait() ? 0 : WAIT_MAX_MS;
      const count = this.libc.epoll_wait(this.#epoll, this.#eventsAt, EVENTS_MAX, timeoutMs);
      if (count <= 0) break;
      isBunReady = this.#handle(count);
      this.#settle();
    }
    this.#running = this.#count > 0;
    if (this.#running) setImmediate(this.#turn);
  };

  /** Returns whether Bun's own loop is among what is ready. */
  #handle(count: number): boolean {
    let isBunReady = false;
    for (let at = 0, end = count * EVENT_WORDS; at < end; at += EVENT_WORDS) {
      const watched = this.#watched[this.#events[at + DATA_WORD]];
      if (watched === undefined) isBunReady = true;
      else watched.onReady(this.#events[at]);
    }
    return isBunReady;
  }

  #settle(): void {
    while (this.#unsettled.length > 0) {
      const unsettled = this.#unsettled;
      this.#unsettled = [];
      for (const watched of unsettled) watched.settle();
    }
  }
}

/** The epoll instances of this process: Bun's, before we make ours. */
function outerLoops(): number[] {
  const folder = '/proc/self/fd';
  return readdirSync(folder)
    .map(Number)
    .filter((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`) === 'anon_inode:[eventpoll]';
      } catch {
        // The descriptor of the folder itself, which is closed by now.
        return false;
      }
    });
}
