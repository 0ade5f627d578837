/** The files that `-o ssl_…` names, read and judged: what a TLS context is made of. */
import { constants, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { FleetError } from '../../base/errors.ts';
import type { TlsSettings } from '../settings.ts';

/** What a list of ciphers of older versions leaves alone: with OpenSSL TLS 1.3 has a list of its own, with Node not. */
const TLS13_CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/**
 * Reads certificates and keys, and checks that they belong together.
 *
 * @throws FleetError BAD_CONFIG naming the option and the file
 */
export function readCertificates(settings: TlsSettings): SecureContextOptions {
  const keyPath = settings.key ?? settings.chainCert;
  const options: SecureContextOptions = {
    cert: readFile('ssl_chain_cert', settings.chainCert),
    key: settings.keyFormat === 'der' ? derToPem(keyPath) : readFile('ssl_key', keyPath),
    minVersion: settings.minVersion,
    // As memcached (tls.c, ssl_init): a client may not have the handshake's work done again and again. BoringSSL never does.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  if (settings.caCert !== undefined) options.ca = readFile('ssl_ca_cert', settings.caCert);
  if (settings.ciphers !== undefined) options.ciphers = cipherList(settings.ciphers);
  try {
    createSecureContext(options);
  } catch (error) {
    const files = [settings.chainCert, keyPath, settings.caCert, settings.ciphers].filter((word) => word !== undefined);
    throw new FleetError('BAD_CONFIG', `-Z: ${files.join(', ')}: ${messageOf(error)}`, error);
  }
  return options;
}

function cipherList(ciphers: string): string {
  return ciphers.includes('TLS_') ? ciphers : `${TLS13_CIPHERS}:${ciphers}`;
}

function readFile(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FleetError('BAD_CONFIG', `-o ${option}=${path}: ${messageOf(error)}`, error);
  }
}

/** A key in DER does not say what it is: each of the three forms is tried. */
function derToPem(path: string): string {
  const key = readFile('ssl_key', path);
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return createPrivateKey({ key, format: 'der', type }).export({ format: 'pem', type: 'pkcs8' }).toString();
    } catch {
      // The next form.
    }
  }
  throw new FleetError('BAD_CONFIG', `-o ssl_key=${path}: not a private key in DER`);
}

/** The first line only: OpenSSL's messages go on for several. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
