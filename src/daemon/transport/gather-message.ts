/** Runs of bytes as sendmsg(2) and recvmsg(2) take them: struct msghdr with its struct iovec. Only for `epoll.ts`. */
import { fixedMemory, type Libc, type Pointer } from './libc.ts';
import { RUNS_MAX, type Runs } from './runs.ts';

const TWO_32 = 0x1_0000_0000;
/** struct iovec: a pointer and a size_t, as 32-bit words. */
const IOVEC_WORDS = 4;
/** struct msghdr as 32-bit words, and where in it the pointer to the iovecs and their number are. */
const MESSAGE_WORDS = 14;
const IOV_WORD = 4;
const IOVLEN_WORD = 6;

export class GatherMessage {
  readonly #libc: Libc;
  readonly #iovecs = new Uint32Array(fixedMemory(4 * RUNS_MAX * IOVEC_WORDS));
  readonly #message = new Uint32Array(fixedMemory(4 * MESSAGE_WORDS));
  readonly #at: Pointer;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#at = libc.ptr(this.#message);
    const iovecsAt = libc.ptr(this.#iovecs);
    this.#message[IOV_WORD] = iovecsAt;
    this.#message[IOV_WORD + 1] = iovecsAt / TWO_32;
  }

  /** The message that names these runs; good until the next call. */
  of(runs: Runs): Pointer {
    const iovecs = this.#iovecs;
    let bytes: Uint8Array | undefined;
    let base: Pointer = 0;
    for (let i = 0, word = 0; i < runs.count; i++, word += IOVEC_WORDS) {
      // Neighbours mostly lie in the same block.
      if (runs.bytes[i] !== bytes) base = this.#libc.ptr((bytes = runs.bytes[i]));
      const at = base + runs.starts[i];
      iovecs[word] = at;
      iovecs[word + 1] = at / TWO_32;
      iovecs[word + 2] = runs.ends[i] - runs.starts[i];
    }
    this.#message[IOVLEN_WORD] = runs.count;
    return this.#at;
  }
}
