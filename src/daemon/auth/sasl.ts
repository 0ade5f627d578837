/**
 * One connection's SASL exchange, as far as the binary protocol carries it. PLAIN is the only mechanism (RFC 4616):
 * name and password in one message, which may come with the start or, if that was empty, with a step.
 */
import type { PasswordFile } from './passwords.ts';

/** What `SASL list mechs` answers. */
export const MECHANISMS = 'PLAIN';

/** How far an exchange has come. */
export type Login = 'permitted' | 'refused' | 'continue';

export class SaslExchange {
  readonly #passwords: PasswordFile;
  readonly #time: { readonly now: number };
  /** A start without credentials was answered; they come with the next step. */
  #awaiting = false;

  /** @param time its seconds say when the file was last looked at */
  constructor(passwords: PasswordFile, time: { readonly now: number }) {
    this.#passwords = passwords;
    this.#time = time;
  }

  /** Begins with a mechanism, whose name counts in any case. */
  start(mechanism: string, message: string): Login {
    const known = mechanism.toUpperCase() === MECHANISMS;
    this.#awaiting = known && message === '';
    if (this.#awaiting) return 'continue';
    return known ? this.#judge(message) : 'refused';
  }

  /** Goes on with what was started. */
  step(message: string): Login {
    if (!this.#awaiting) return 'refused';
    this.#awaiting = false;
    return this.#judge(message);
  }

  /** `[authzid] NUL authcid NUL password`; nobody may act for another. */
  #judge(message: string): Login {
    const parts = message.split('\0');
    const [authorized = '', name = '', password = ''] = parts;
    if (parts.length !== 3 || name === '' || (authorized !== '' && authorized !== name)) return 'refused';
    this.#passwords.follow(this.#time.now);
    return this.#passwords.permits(name, password) ? 'permitted' : 'refused';
  }
}
