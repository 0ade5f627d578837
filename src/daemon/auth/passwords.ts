/**
 * Who may use the daemon: names and passwords from a file, one `name:password` a line, compared in constant time. Kept
 * as digests only, and read again when it is asked for.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FleetError } from '../../base/errors.ts';
import { PASSWORD_FILE_BYTES_MAX } from '../limits.ts';

/**
 * How lines are read. `ascii` is the file of `-Y` (memcached's authfile.c): the password goes to the end of the line, and
 * a line without a colon spoils the file. `sasl` is the file in MEMCACHED_SASL_PWDB (sasl_defs.c): the password ends at
 * the next colon, other lines are passed over, and only the first line of a name counts.
 */
export type PasswordFormat = 'ascii' | 'sasl';

export class PasswordFile {
  readonly path: string;
  readonly #format: PasswordFormat;
  #users: readonly Buffer[];

  /** @throws FleetError BAD_CONFIG if the file cannot be read or is none */
  constructor(path: string, format: PasswordFormat) {
    this.path = path;
    this.#format = format;
    this.#users = readUsers(path, format);
  }

  /**
   * Reads the file again; what was read before stays if it cannot be.
   *
   * @throws FleetError BAD_CONFIG
   */
  reload(): void {
    this.#users = readUsers(this.path, this.#format);
  }

  /** Whether there is a user with this name and password. Takes as long whatever it compares. */
  permits(name: string, password: string): boolean {
    const asked = digest(name, password);
    let found = false;
    for (const user of this.#users) found = timingSafeEqual(user, asked) || found;
    return found;
  }
}

/** Name and password as one digest; a name has no NUL, so that the two cannot run into each other. */
function digest(name: string, password: string): Buffer {
  return createHash('sha256').update(`${name}\0${password}`, 'latin1').digest();
}

function readUsers(path: string, format: PasswordFormat): Buffer[] {
  const text = read(path);
  const users = new Map<string, Buffer>();
  for (const line of text.split(/\r?\n|\r/)) {
    const colon = line.indexOf(':');
    if (colon >= 0) {
      const name = line.slice(0, colon);
      const rest = line.slice(colon + 1);
      const password = format === 'sasl' ? (rest.split(':', 1)[0] ?? '') : rest;
      if (format === 'ascii' || !users.has(name)) {
        users.set(format === 'sasl' ? name : line, digest(name, password));
      }
    } else if (format === 'ascii' && line !== '') {
      throw new FleetError('BAD_CONFIG', `${path}: a line is not of the form name:password`);
    }
  }
  return [...users.values()];
}

function read(path: string): string {
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
