/** The rows of `-o` that begin with `ssl_` (memcached's tls.c, ssl_help), and what they come to. Pure. */
import type { TlsSettings, TlsVersion } from '../settings.ts';
import type { Suboption, TlsDraft } from './extended.ts';
import { bad, integer } from './values.ts';

const VERSIONS: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const KILOBYTE = 1024;
const WBUF_KILOBYTES_MAX = 64 * KILOBYTE;
const DEFAULT_WBUF_BYTES = 16 * KILOBYTE;

/** memcached's `-o ssl_…`, in the order of its `-h`. */
export const TLS_SUBOPTIONS: readonly Suboption[] = [
  {
    name: 'ssl_chain_cert',
    value: 'file',
    help: 'certificate chain file in PEM format',
    apply: (_, value, tls) => void (tls.chainCert = value),
  },
  {
    name: 'ssl_key',
    value: 'file',
    help: 'private key, if not part of the -ssl_chain_cert',
    apply: (_, value, tls) => void (tls.key = value),
  },
  {
    name: 'ssl_verify_mode',
    value: 'num',
    help: 'peer certificate verification mode: 0(None, default), 1(Request), 2(Require) or 3(Once)',
    apply: (_, value, tls) => void (tls.verifyMode = integer('-o ssl_verify_mode', value, 0, 3) as 0 | 1 | 2 | 3),
  },
  {
    name: 'ssl_keyformat',
    value: 'name',
    help: 'private key format (PEM or DER; ENGINE is refused) (default: PEM)',
    apply: (_, value, tls) => void (tls.keyFormat = keyFormat(value)),
  },
  {
    name: 'ssl_ciphers',
    value: 'list',
    help: 'specify cipher list to be used',
    apply: (_, value, tls) => void (tls.ciphers = value),
  },
  {
    name: 'ssl_ca_cert',
    value: 'file',
    help: "PEM format file of acceptable client CA's",
    apply: (_, value, tls) => void (tls.caCert = value),
  },
  {
    name: 'ssl_wbuf_size',
    value: 'num',
    help: 'size in kilobytes of per-connection SSL output buffer (default: 16)',
    apply: (_, value, tls) => {
      tls.wbufBytes = integer('-o ssl_wbuf_size', value, 1, WBUF_KILOBYTES_MAX) * KILOBYTE;
    },
  },
  {
    name: 'ssl_session_cache',
    help: 'enable server-side SSL session cache, to support session resumption',
    apply: (_, _value, tls) => void (tls.sessionCache = true),
  },
  {
    name: 'ssl_kernel_tls',
    help: 'enable kernel TLS offload (no effect here)',
    apply: (_, _value, tls) => void (tls.kernelTls = true),
  },
  {
    name: 'ssl_min_version',
    value: 'num',
    help: 'minimum protocol version: 0(tlsv1.0), 1(tlsv1.1), 2(tlsv1.2, default), or 3(tlsv1.3)',
    apply: (_, value, tls) => void (tls.minVersion = VERSIONS[integer('-o ssl_min_version', value, 0, 3)]!),
  },
];

function keyFormat(value: string): 'pem' | 'der' {
  // memcached compares without case, and takes the numbers of OpenSSL's SSL_FILETYPE_… too.
  const word = value.toLowerCase();
  if (word === 'pem' || word === '1') return 'pem';
  if (word === 'der' || word === '2') return 'der';
  throw bad(`-o ssl_keyformat ${value}: must be one of PEM, DER`);
}

/**
 * `-Z` with what its options said.
 *
 * @throws FleetError BAD_CONFIG without a certificate
 */
export function tlsSettings(draft: TlsDraft): TlsSettings {
  if (draft.chainCert === undefined) throw bad('-Z needs a certificate: -o ssl_chain_cert=<file>');
  return {
    chainCert: draft.chainCert,
    key: draft.key,
    keyFormat: draft.keyFormat ?? 'pem',
    verifyMode: draft.verifyMode ?? 0,
    ciphers: draft.ciphers,
    caCert: draft.caCert,
    wbufBytes: draft.wbufBytes ?? DEFAULT_WBUF_BYTES,
    sessionCache: draft.sessionCache ?? false,
    kernelTls: draft.kernelTls ?? false,
    minVersion: draft.minVersion ?? 'TLSv1.2',
  };
}
