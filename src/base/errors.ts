/**
 * The one error class of memfleet and the table of its codes.
 *
 * Operating errors are typed and carry a stable `code`; callers branch on the code, never on the text. A programmer's
 * error is an assertion and crashes. `docs/errors.md` documents every code, and a test compares the two.
 */

/** Every code with what it means, as `docs/errors.md` prints it. */
export const ERROR_CODES = {
  BAD_CONFIG: 'A flag, an environment variable or a file has a value that cannot be used.',
  PORT_TAKEN: 'An address to listen on is in use or may not be bound.',
  CONNECT_FAILED: 'A connection could not be made, or was lost before the answer had come.',
  TIMEOUT: 'No complete answer came within the time that was allowed.',
  PROTOCOL: 'The peer sent something that the memcached protocol does not allow at that place.',
  SERVER: 'The server answered SERVER_ERROR, CLIENT_ERROR or ERROR.',
  NODE_FULL: 'The node has all the connections that it may have (-c), and takes no further one.',
  BAD_KEY: 'A key is empty, longer than 250 bytes, or has a space or control character.',
  BAD_VALUE: 'A value cannot be stored as it is, or a stored value cannot be read back.',
  TOO_LARGE: 'An answer is larger than its bound; nothing of it was kept.',
  BAD_TOPOLOGY: 'A topology document does not have the form that the contract gives it.',
  NO_NODES: 'The topology has no active node, so no key has an owner.',
  QUEUE_FULL: 'More requests wait for a node than its bound allows.',
  CLOSED: 'The client or connection was closed.',
  DISCOVERY_FAILED: 'A discovery adapter could not see its source (Docker, DNS, a file).',
  STATE_UNREADABLE: 'The saved state of the coordinator cannot be read or written.',
} as const;

/** One of the codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An operating error: something outside the program went wrong, and the program goes on. */
export class FleetError extends Error {
  readonly code: ErrorCode;

  /**
   * @param code what kind of failure this is, stable across versions
   * @param message one line with the offending value and the limit
   * @param cause the lower error, kept as it was
   */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'FleetError';
    this.code = code;
  }
}

/** True if `error` is an operating error of ours, of the given code if one is given. */
export function isFleetError(error: unknown, code?: ErrorCode): error is FleetError {
  return error instanceof FleetError && (code === undefined || error.code === code);
}
