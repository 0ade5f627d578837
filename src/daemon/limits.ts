/** The daemon's bounds: each with what happens at it. */

/** A read takes at most this many bytes; one read is answered before the next. */
export const READ_BYTES = 64 * 1024;

/** Room in front of the read buffer for the unfinished line of the read before. */
export const CARRY_BYTES = 64 * 1024;

/** Bytes of answers that are collected before they are sent; a larger answer is sent from memory of its own. */
export const OUTPUT_BYTES = 256 * 1024;

/**
 * Output regions. One collects; each of the others can be left to a connection that does not take its answers. When
 * only one is left, answers are copied before they are sent, so a slow reader costs its own copy.
 */
export const OUTPUT_REGIONS = 8;

/**
 * Bytes of answers that are collected before they are sent while no output region is to spare, or connections hold much:
 * what a slow reader's copy costs then. Values that do not fit are sent piece by piece.
 */
export const OUTPUT_BYTES_TIGHT = 32 * 1024;

/**
 * A value whose answer is larger than this is sent from where it lies, where the transport can; a smaller one is collected
 * with the other answers, since copying it costs less than a write of its own.
 */
export const IN_PLACE_BYTES_MIN = 16 * 1024;

/**
 * Bytes of a value, or of several, that one write takes from where they lie: it can only name so many pieces (IOV_MAX). The
 * rest is for the next.
 */
export const IN_PLACE_BYTES_MAX = 8 * 1024 * 1024;

/** Bytes of large values that a connection is sent before the others have their turn. */
export const SENT_PER_TURN_BYTES = 8 * 1024 * 1024;

/**
 * A value up to this many bytes takes its item's memory when it is announced; a larger one that does not come with its
 * line takes it as its bytes come. So each connection can have this much evicted without sending it.
 */
export const ANNOUNCED_BYTES_MAX = 1024;

/** Bytes of an announced value that are kept beside the items before it gets one: so many, or half of the value. */
export const STAGED_BYTES_MAX = 8 * 1024;

/**
 * Share of the items' memory that values which arrive in pieces may hold together; one that needs more is refused with
 * `SERVER_ERROR out of memory`, unless it is the only one. What one connection may hold is one value, whose bound is `-I`.
 */
export const ARRIVING_SHARE_MAX = 15 / 16;

/**
 * When so many bytes of a value are still to come, or more, they are put into the item itself, where the transport can;
 * fewer are read with what follows them, and copied.
 */
export const PLACED_BYTES_MIN = 16 * 1024;

/** Bytes that one read puts into an item at most; more are for the next. */
export const PLACED_BYTES_MAX = 512 * 1024;

/** Bytes of a list of lines, as `stats` and dumps answer, that are made at once; more are made when these were taken. */
export const LISTING_PIECE_BYTES = 16 * 1024;

/** Bytes of garbage that making a text leaves behind, for each byte of it: its rows, its lines, the text, its bytes. */
export const TEXT_LITTER = 6;

/** Room that a fixed answer line may need at most. */
export const REPLY_BYTES_MAX = 512;

/**
 * Room that the answer to a meta command may need at most, without the value itself: every flag there is, a key of 250
 * bytes or 252 of base64, an opaque, the line ends. As large as REPLY_BYTES_MAX, so that there is always room for it.
 */
export const META_HEAD_BYTES_MAX = 512;

/**
 * A line without an end is a mistake once it is this long, unless it is a retrieval: the connection is closed
 * (memcached.c, try_read_command_ascii).
 */
export const LINE_BYTES_MAX = 2048;

/** A retrieval's line, with all its keys, may be this long; above, the connection is closed. memcached has no bound. */
export const RETRIEVAL_LINE_BYTES_MAX = 1024 * 1024;

/**
 * Bytes that the body of a binary packet may announce, extras and key included; more is answered as invalid arguments, and
 * the connection is closed (memcached.h, ITEM_SIZE_MAX_UPPER_LIMIT).
 */
export const BODY_BYTES_MAX = 1024 * 1024 * 1024;

/** Bytes of a name and a password in a login; a longer one is refused and skipped (proto_text.c, MAX_AUTH_REQ_LEN). */
export const CREDENTIALS_BYTES_MAX = 16 * 1024;

/**
 * Milliseconds after which a connection is told that its first login, or its first `config set`, failed; each further
 * failure takes twice as long, up to LOGIN_DELAY_MS_MAX. Until then nothing more of the connection is read.
 */
export const LOGIN_DELAY_MS = 100;

/** Milliseconds after which a connection is told of a failed login at most. */
export const LOGIN_DELAY_MS_MAX = 5000;

/** Failed logins of all connections together are told of on standard error once in so many milliseconds at most. */
export const LOGIN_FAILURE_LOG_MS = 10_000;

/** Bytes that a file with names and passwords may have; a larger one is refused. */
export const PASSWORD_FILE_BYTES_MAX = 1024 * 1024;

/** Seconds that a connection may leave an answer unread before it is cut off. */
export const STALLED_READER_SECONDS = 60;

/**
 * Seconds that a connection may leave a value unfinished without sending a byte of it before it is cut off: until then
 * its item holds memory that nobody else can have. memcached waits for ever.
 */
export const STALLED_SENDER_SECONDS = 60;

/**
 * Seconds in which a request's line, or a packet's head, must come to its end; then the connection is cut off. memcached
 * waits for ever.
 */
export const UNFINISHED_LINE_SECONDS = 60;

/**
 * Bytes a second that a value must come at, in the mean and beyond its first STALLED_SENDER_SECONDS; one that is slower is
 * cut off with its connection.
 */
export const VALUE_BYTES_PER_SECOND_MIN = 1024;

/** Milliseconds that a stopping daemon waits for what is still arriving and for answers to be taken. */
export const STOP_GRACE_MS = 3000;

/** Connections that may watch; one more is told so (logger.c WATCHER_LIMIT). */
export const WATCHERS_MAX = 20;

/** Prefixes that `stats detail` counts; keys with others are not counted (stats_prefix.c, MAX_PREFIX_COUNT). */
export const PREFIXES_MAX = 65_536;

/** Bytes a configuration for `config get cluster` may have: clients read it in one piece (auto-discovery). */
export const CONFIG_BYTES_MAX = 64 * 1024;

/** Bytes of the frame header of a datagram (protocol.txt "UDP protocol"). */
export const UDP_HEADER_BYTES = 8;

/** Bytes of a datagram that we send, its header included (memcached.h, UDP_MAX_PAYLOAD_SIZE). */
export const UDP_DATAGRAM_BYTES_MAX = 1400;

/** Bytes of a datagram that are read; IP carries no larger one. */
export const UDP_READ_BYTES_MAX = 64 * 1024;

/**
 * Datagrams that are sent for one that came, all its requests together: as many as an item of 1 MiB needs. An answer that would need more is an error in its place; what else the datagram asks for is dropped
 * (`memfleet_udp_dropped`). It is the bound of what a forged sender can have sent to somebody. memcached has none.
 */
export const UDP_ANSWER_DATAGRAMS_MAX = 768;

/**
 * Datagrams that come and go in one turn of the event loop, or one answer that is larger; then the connections have their
 * turn. More wait in the kernel, or are dropped where they cannot (`memfleet_udp_dropped`): over `node:dgram`, which reads
 * 32 in a turn, so that as many small requests with their answers are never dropped.
 */
export const UDP_TURN_DATAGRAMS_MAX = 64;

/** Bytes of one answer over UDP. */
export const UDP_ANSWER_BYTES_MAX = UDP_ANSWER_DATAGRAMS_MAX * (UDP_DATAGRAM_BYTES_MAX - UDP_HEADER_BYTES);

/** Bytes of answers over UDP that may wait for the system to take them; more are dropped, as UDP may. */
export const UDP_UNSENT_BYTES_MAX = 4 * 1024 * 1024;

/** Milliseconds that a client may take for its TLS handshake; then it is cut off. memcached waits for ever. */
export const TLS_HANDSHAKE_MS = 10_000;

/**
 * Connections of the node's own sidecar, over a socket that is its alone. They are not counted against -c, so that
 * statistics can be had of a node that is full; one more is refused as above -c. The sidecar has two.
 */
export const SIDECAR_CONNECTIONS_MAX = 8;

/**
 * TLS handshakes that may be under way at once, besides the connections of `-c`. One more, and the oldest of them is cut off
 * (`memfleet_ssl_handshakes_dropped`); neither new clients nor ports without TLS wait for those who say nothing.
 */
export const TLS_HANDSHAKES_MAX = 1024;

/**
 * What connections may hold beyond the items, all together, unless `-o conn_memory_limit` says otherwise: as much as `-m`,
 * but at least the first and at most the second, in bytes; twice `-I` where that is more. Near it who holds most is read no
 * further, at it who holds most is cut off.
 */
export const CONN_MEMORY_MIN = 32 * 1024 * 1024;
export const CONN_MEMORY_MAX = 64 * 1024 * 1024;

/**
 * Seconds that a connection may not be read to keep that limit; then it is cut off. Others that hold less were to be done by
 * then, and Node does not tell that the client of a connection which is not read is gone.
 */
export const CONN_MEMORY_PAUSE_SECONDS = 5;

/** Of the items' bytes, what their index takes at most while it grows; for the arithmetic of a container's memory. */
export const INDEX_SHARE = 0.1;

/** Bytes that supervisor, daemon and sidecar take without items; for the arithmetic of a container's memory. */
export const PROGRAM_BYTES = 100 * 1024 * 1024;
