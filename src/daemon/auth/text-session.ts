/**
 * The text protocol under `-Y`: the first thing a client may do is to log in, by a `set` of any key whose value is
 * `name password` (protocol.txt "Authentication"); everything else is told that it is unauthenticated. Afterwards the
 * text protocol itself goes on. Semantics are memcached's (proto_text.c, try_read_command_asciiauth), but each line is
 * answered, where memcached answers only the last of those that came together.
 */
import { CR, LF, SPACE, bytesOf } from '../../base/bytes.ts';
import { parsed, readUnsigned32 } from '../../protocol/text/numbers.ts';
import * as replies from '../../protocol/text/replies.ts';
import type { PasswordFile } from './passwords.ts';
import type { ArrivingValue } from '../arriving-value.ts';
import type { ConnectionContext, Conversation, Session } from '../connection.ts';
import { CREDENTIALS_BYTES_MAX, LINE_BYTES_MAX } from '../limits.ts';

const UNAUTHENTICATED = bytesOf('CLIENT_ERROR unauthenticated\r\n');
const BAD_TERMINATION = bytesOf('CLIENT_ERROR bad command line termination\r\n');
const BAD_TOKEN = bytesOf('CLIENT_ERROR bad authentication token format\r\n');
const TOKEN_TOO_LONG = bytesOf('CLIENT_ERROR auth token too long\r\n');
const FAILURE = bytesOf('CLIENT_ERROR authentication failure\r\n');

/** Bytes that a line has at least, without its line feed: a shorter one closes the connection (MIN_AUTH_REQ_LEN). */
const LINE_BYTES_MIN = 6;
/** Words that the line of a login has at least: set, key, flags, exptime, length. */
const LINE_WORDS = 5;
const LENGTH_WORD = 4;

export class AuthTextSession implements Session {
  readonly #connection: Conversation;
  readonly #context: ConnectionContext;
  readonly #passwords: PasswordFile;
  readonly #inner: Session;
  #permitted = false;
  /** Bytes of the name and password that are to come, with their line end; -1 = a line is to come. */
  #expected = -1;
  /** Bytes of a name and password that are too long, still to be skipped. */
  #skipLeft = 0;

  /** @param inner the session of a client that has logged in */
  constructor(connection: Conversation, context: ConnectionContext, passwords: PasswordFile, inner: Session) {
    this.#connection = connection;
    this.#context = context;
    this.#passwords = passwords;
    this.#inner = inner;
  }

  get stateName(): string {
    return this.#inner.stateName;
  }

  /** Names and passwords are not lines of a protocol. */
  get awaitsLine(): boolean {
    return this.#permitted && this.#inner.awaitsLine === true;
  }

  get mayHoldLogin(): boolean {
    return !this.#permitted;
  }

  get arriving(): ArrivingValue | undefined {
    return this.#inner.arriving;
  }

  abandon(): void {
    this.#inner.abandon();
  }

  step(bytes: Uint8Array, start: number, end: number): number {
    if (this.#permitted) return this.#inner.step(bytes, start, end);
    if (this.#skipLeft > 0) return this.#skip(end - start);
    return this.#expected < 0 ? this.#line(bytes, start, end) : this.#credentials(bytes, start, end);
  }

  #skip(available: number): number {
    const count = Math.min(available, this.#skipLeft);
    this.#skipLeft -= count;
    return count;
  }

  #line(bytes: Uint8Array, start: number, end: number): number {
    // So few bytes are no command, not even an empty one.
    if (end - start < 3) return 0;
    let newline = start;
    while (newline < end && bytes[newline] !== LF) newline++;
    if (newline === end) {
      if (end - start > LINE_BYTES_MAX) this.#connection.destroy();
      return 0;
    }
    this.#connection.lastCommandAt = this.#context.time.now;
    const used = newline + 1 - start;
    if (newline - start < LINE_BYTES_MIN) {
      if (!this.#context.output.isEmpty) this.#connection.flush();
      this.#connection.end();
      return used;
    }
    const words = wordsOf(bytes, start, newline);
    const length = bytesOf(words[LENGTH_WORD] ?? '');
    if (words[0] !== 'set' || words.length < LINE_WORDS || !readUnsigned32(length, 0, length.length)) {
      this.#context.output.reply(UNAUTHENTICATED);
    } else if (parsed.value > CREDENTIALS_BYTES_MAX) {
      // Nobody who has not logged in may fill our memory; what is refused is not taken for lines either.
      this.#context.output.reply(TOKEN_TOO_LONG);
      this.#skipLeft = parsed.value + 2;
    } else {
      this.#expected = parsed.value + 2;
    }
    return used;
  }

  #credentials(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < this.#expected) return 0;
    const used = this.#expected;
    const stop = start + used - 2;
    this.#expected = -1;
    this.#judge(bytes, start, stop);
    return used;
  }

  #judge(bytes: Uint8Array, start: number, end: number): void {
    const { counters, output } = this.#context;
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return output.reply(BAD_TERMINATION);
    const space = bytes.indexOf(SPACE, start);
    if (space < 0 || space >= end) return output.reply(BAD_TOKEN);
    counters.authCommands++;
    this.#permitted = this.#passwords.permits(latin(bytes, start, space), latin(bytes, space + 1, end));
    if (this.#permitted) return output.reply(replies.STORED);
    counters.authErrors++;
    this.#connection.refuse('login', () => output.reply(FAILURE));
  }
}

/** The words of a line, without its line end. */
function wordsOf(bytes: Uint8Array, start: number, newline: number): string[] {
  const end = bytes[newline - 1] === CR ? newline - 1 : newline;
  return latin(bytes, start, end).split(' ').filter(Boolean);
}

function latin(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}
