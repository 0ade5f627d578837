/**
 * The text protocol under `-Y`: the first thing a client may do is to log in, by a `set` of any key whose value is
 * `name password` (protocol.txt "Authentication"); everything else is told that it is unauthenticated. Afterwards the
 * text protocol itself goes on. Semantics are memcached's (proto_text.c, try_read_command_asciiauth), but each line is
 * answered, where memcached answers only the last of those that came together.
 */
import { CR, LF, bytesOf } from '../../base/bytes.ts';
import { parseUnsigned, parsed } from '../../protocol/text/numbers.ts';
import * as replies from '../../protocol/text/replies.ts';
import type { PasswordFile } from './passwords.ts';
import type { ArrivingValue } from '../arriving-value.ts';
import type { ConnectionContext, Conversation, Session } from '../connection.ts';
import { CREDENTIALS_BYTES_MAX, LINE_BYTES_MAX } from '../limits.ts';

const UNAUTHENTICATED = bytesOf('CLIENT_ERROR unauthenticated\r\n');
const BAD_TERMINATION = bytesOf('CLIENT_ERROR bad command line termination\r\n');
const BAD_TOKEN = bytesOf('CLIENT_ERROR bad authentication token format\r\n');
const FAILURE = bytesOf('CLIENT_ERROR authentication failure\r\n');

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

  get arriving(): ArrivingValue | undefined {
    return this.#inner.arriving;
  }

  abandon(): void {
    this.#inner.abandon();
  }

  step(bytes: Uint8Array, start: number, end: number): number {
    if (this.#permitted) return this.#inner.step(bytes, start, end);
    return this.#expected < 0 ? this.#line(bytes, start, end) : this.#credentials(bytes, start, end);
  }

  #line(bytes: Uint8Array, start: number, end: number): number {
    // One byte is no command, not even an empty one.
    if (end - start < 2) return 0;
    let newline = start;
    while (newline < end && bytes[newline] !== LF) newline++;
    if (newline === end) {
      if (end - start > LINE_BYTES_MAX) this.#connection.destroy();
      return 0;
    }
    this.#connection.lastCommandAt = this.#context.time.now;
    const [command, ...rest] = wordsOf(bytes, start, newline);
    const length = bytesOf(rest[LENGTH_WORD - 1] ?? '');
    if (command !== 'set' || rest.length < LINE_WORDS - 1 || !parseUnsigned(length, 0, length.length)) {
      this.#context.output.reply(UNAUTHENTICATED);
    } else if (!(parsed.value <= CREDENTIALS_BYTES_MAX)) {
      // Nobody's name and password are so long, and nobody who has not logged in may fill our memory.
      this.#connection.destroy();
    } else {
      this.#expected = parsed.value + 2;
    }
    return newline + 1 - start;
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
    const [name, password] = wordsOf(bytes, start, end);
    if (name === undefined || password === undefined) return output.reply(BAD_TOKEN);
    counters.authCommands++;
    this.#permitted = this.#passwords.permits(name, password);
    if (this.#permitted) return output.reply(replies.STORED);
    counters.authErrors++;
    this.#connection.refuse('login', () => output.reply(FAILURE));
  }
}

/** The words between spaces; a NUL ends them, as it does for memcached's C strings. */
function wordsOf(bytes: Uint8Array, start: number, end: number): string[] {
  const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
  return text.replace(/\0.*$/s, '').split(' ').filter(Boolean);
}
