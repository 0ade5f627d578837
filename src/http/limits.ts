/**
 * The bounds of one HTTP connection, the same for every server of ours: how long each phase of it may last, and how much
 * of it is held. What differs between servers is {@link file://./server.ts HttpBounds}.
 */

/** From the connection to its first byte; then it is closed without a word, since nothing was asked. */
export const FIRST_BYTE_MS = 10_000;

/** From the first byte of a request to the end of its head; then 408. */
export const HEAD_MS = 10_000;

/** From the head of a request to the end of its body; then 408. */
export const BODY_MS = 10_000;

/** That an answer, or a follower's event, waits while not a byte of it is taken; then the connection is cut off. */
export const ANSWER_MS = 30_000;

/** Between two requests of a connection; then it is closed without a word. Told to clients in `Keep-Alive`. */
export const IDLE_MS = 72_000;

/** From our last byte to the peer's end of the connection, for the answer to be read; then it is cut off. */
export const LINGER_MS = 1_000;

/**
 * Bytes that are read of a connection ahead of the answer that is due; what one read has brought beyond it, 64 KiB at
 * most, is kept too. Then nothing is read until the answer is taken, and the peer's system holds the rest. A follower,
 * whose answer may take for ever, is cut off instead, since who is not read is not seen to leave either.
 */
export const AHEAD_BYTES_MAX = 16 * 1024;

/** Bytes of answers that one connection may leave untaken; then it is cut off. Above the largest single answer. */
export const UNTAKEN_BYTES_MAX = 16 * 1024 * 1024;
