/**
 * Who may use the daemon: names and passwords from a file, one `name:password` a line. The file is read at the start and
 * when it is asked for, never to judge a login. Owns the digests that it keeps of the file.
 */
import { hash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { FleetError, isFleetError } from '../../base/errors.ts';
import { PASSWORD_FILE_BYTES_MAX } from '../limits.ts';

/**
 * How lines are read. `ascii` is the file of `-Y` (memcached's authfile.c): the password goes to the end of the line, and
 * a line without a colon spoils the file. `sasl` is the file in MEMCACHED_SASL_PWDB (sasl_defs.c): the password ends at
 * the next colon, and other lines are passed over.
 */
export type PasswordFormat = 'ascii' | 'sasl';

/** Bytes of chance that a login is digested with. */
const SALT_BYTES = 32;

export class PasswordFile {
  readonly path: string;
  readonly #format: PasswordFormat;
  readonly #say: (line: string) => void;
  /** Makes a digest nobody's to choose: how far a search for it gets, and so the time it takes, says nothing of the users. */
  readonly #salt = randomBytes(SALT_BYTES).toString('latin1');
  #logins: ReadonlySet<string>;
  #state: string;
  #lookedAt = 0;

  /**
   * @param say takes a line about a file that could not be used later on
   * @throws FleetError BAD_CONFIG if the file cannot be read, is none, or lets nobody in
   */
  constructor(path: string, format: PasswordFormat, say: (line: string) => void = () => {}) {
    this.path = path;
    this.#format = format;
    this.#say = say;
    this.#state = stateOf(path);
    this.#logins = this.#read();
  }

  /** Reads the file again; if it cannot be used, says so and keeps the users of before. */
  reload(): void {
    this.#state = stateOf(this.path);
    try {
      this.#logins = this.#read();
    } catch (error) {
      if (!isFleetError(error)) throw error;
      this.#say(`${error.message}; those who could log in before still can`);
    }
  }

  /**
   * Reads the file again if it is another than before, as memcached does of SASL's at each login; looks no more than
   * once a second.
   *
   * @param second now, in any count of seconds
   */
  follow(second: number): void {
    if (second === this.#lookedAt) return;
    this.#lookedAt = second;
    if (stateOf(this.path) !== this.#state) this.reload();
  }

  /** Whether there is a user with this name and password. Takes as long however many there are, and whatever is wrong. */
  permits(name: string, password: string): boolean {
    return this.#logins.has(this.#digest(name, password));
  }

  /** Name and password as one; a name has no NUL, so that the two cannot run into each other. */
  #digest(name: string, password: string): string {
    return hash('sha256', `${this.#salt}${name}\0${password}`, 'base64');
  }

  #read(): Set<string> {
    const logins = new Set<string>();
    for (const line of readText(this.path).split(/\r?\n|\r/)) {
      const colon = line.indexOf(':');
      if (colon > 0) {
        const rest = line.slice(colon + 1);
        const password = this.#format === 'sasl' ? (rest.split(':', 1)[0] ?? '') : rest;
        // The text protocol cannot say an empty password.
        if (this.#format === 'sasl' || password !== '') logins.add(this.#digest(line.slice(0, colon), password));
      } else if (colon < 0 && this.#format === 'ascii' && line !== '') {
        throw new FleetError('BAD_CONFIG', `${this.path}: a line is not of the form name:password`);
      }
    }
    if (logins.size === 0) {
      throw new FleetError('BAD_CONFIG', `${this.path}: no line of the form name:password, so nobody could log in`);
    }
    return logins;
  }
}

/** What tells one state of a file from another. */
function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return `${dev} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'not to be had';
  }
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `${path}: the file with the passwords cannot be read`, error);
  }
  if (bytes.length > PASSWORD_FILE_BYTES_MAX) {
    throw new FleetError('BAD_CONFIG', `${path}: more than ${PASSWORD_FILE_BYTES_MAX} bytes of passwords`);
  }
  return bytes.toString('latin1');
}
