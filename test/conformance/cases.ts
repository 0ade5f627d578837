/**
 * The form of a wire test: what is sent to a server and what must come back, as data. The real memcached decides who
 * is right, so every table runs against it as well as against our daemon.
 */

/**
 * One thing to send: text (latin1, one character a byte), bytes, or a function of all that this case has received so
 * far, for commands that need a value the server chose (a cas unique).
 */
export type Step = string | Buffer | ((received: string) => string);

/** What a server must have beyond the classic commands for a table to make sense. */
export type Need = 'meta' | 'binary' | 'admin';

/** A release of memcached. */
export type Version = `1.6.${number}`;

/** An expectation of its own. */
export interface Expectation {
  expect: string | RegExp;
  closes?: boolean;
}

/** One transcript. */
export interface WireCase {
  /** The behaviour, as a sentence. */
  name: string;
  /** Steps are sent one after another; each waits for all answers to the one before. */
  send: Step | Step[];
  /** All bytes that must come back, as latin1 text, or a pattern that must match all of them. */
  expect: string | RegExp;
  /** The server closes the connection after these answers. Default: it stays open. */
  closes?: boolean;
  /** Extra flags of the server, which then serves only the cases with the same flags. */
  flags?: string[];
  /** What this case needs beyond its table. */
  needs?: Need;
  /** The oldest memcached that behaves so. */
  since?: Version;
  /** What memcached before that answers, from the release on that `since` names; left out, older ones are not asked. */
  before?: Expectation & { since?: Version };
  /** Our daemon answers differently on purpose, and `why`; docs/compatibility.md says more. */
  ours?: Expectation & { why: string };
  /**
   * `whole`: only sent in one write, because the answer depends on what one read of the server holds (over-long lines).
   * Default `any`: whole, byte by byte and cut at random places.
   */
  feed?: 'any' | 'whole';
  /** Our daemon answers differently on purpose: docs/compatibility.md says why. Only the real memcached is asked. */
  memcachedOnly?: string;
}

/** The transcripts of one topic. */
export interface WireTable {
  topic: string;
  /** Default: the classic text protocol, which every server has. */
  needs?: Need;
  cases: WireCase[];
}

/** A key of the greatest length that memcached takes (KEY_MAX_LENGTH). */
export const KEY_250 = 'k'.repeat(250);
/** The shortest key that is too long. */
export const KEY_251 = 'k'.repeat(251);
