/**
 * `GET` from a server that need not mean well: no redirect is followed, nothing is inflated, and a body is read up to a
 * bound. Bytes that are over it are neither kept nor waited for.
 *
 * A redirect would let whoever answers choose whom this process talks to next, inside of its network. An encoded body is
 * refused whole, because its size says nothing about what it inflates to; the request asks for `identity`.
 */
import { FleetError } from './errors.ts';

export interface GetOptions {
  readonly signal: AbortSignal;
  /** The media type that is wanted; any unless given. */
  readonly accept?: string;
  /** The global one unless given. */
  readonly fetch?: typeof fetch;
}

/**
 * Asks, and gives the answer's head with its body still to be read ({@link readText}) or cancelled.
 * @throws FleetError CONNECT_FAILED for a redirect or an encoded body; whatever `fetch` throws otherwise
 */
export async function httpGet(url: URL | string, options: GetOptions): Promise<Response> {
  const { signal, accept = '*/*', fetch: ask = fetch } = options;
  const headers = { accept, 'accept-encoding': 'identity' };
  const response = await ask(url, { signal, headers, redirect: 'manual' });
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  const redirected = response.type === 'opaqueredirect' || (response.status >= 300 && response.headers.has('location'));
  if (encoding === 'identity' && !redirected) return response;
  await discard(response);
  const where = typeof url === 'string' ? url : url.href;
  if (!redirected) throw new FleetError('CONNECT_FAILED', `${where} answered with ${short(encoding)} unasked`);
  const target = short(response.headers.get('location') ?? 'elsewhere');
  throw new FleetError('CONNECT_FAILED', `${where} redirects to ${target}; redirects are not followed`);
}

/**
 * The body as UTF-8.
 * @throws FleetError TOO_LARGE above `bytesMax`, with the rest left unread
 */
export async function readText(response: Response, bytesMax: number): Promise<string> {
  const declared = Number(response.headers.get('content-length') ?? 0);
  if (declared > bytesMax) {
    await discard(response);
    throw tooLarge(response, bytesMax);
  }
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // Leaving the loop cancels the body, which closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > bytesMax) throw tooLarge(response, bytesMax);
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

/** Lets go of a body that nobody reads, and of the connection with it. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

function tooLarge({ url }: Response, bytesMax: number): FleetError {
  return new FleetError('TOO_LARGE', `the answer of ${url} exceeds ${bytesMax} bytes`);
}

/** A header is the other side's: one line of it is enough. */
function short(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
