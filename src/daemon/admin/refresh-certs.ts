/** `refresh_certs`: reads the files of `-o ssl_…` again, for connections from now on (proto_text.c). */

/** Who holds the certificates. */
export interface CertificateHolder {
  /** With `-Z`. */
  readonly tls: object | undefined;
  /** Reads them again; what is wrong with them if they cannot be used, and the old ones stay. */
  refreshCertificates(): string | undefined;
}

/** The answer; an error is told even if the client asked for none. */
export function refreshCertsCommand(words: readonly string[], holder: CertificateHolder): string {
  if (holder.tls === undefined) return 'Error TLS not enabled\r\n';
  const trouble = holder.refreshCertificates();
  if (trouble !== undefined) return `Error loading the certificates: ${trouble}\r\n`;
  return words.at(-1) === 'noreply' ? '' : 'OK\r\n';
}
