/**
 * Which container this process runs in, as far as a process can tell: Docker gives a container the beginning of its
 * id for a host name, and where a host name was set, the files that Docker mounts betray the id.
 */

/** What is looked at. */
export interface Surroundings {
  readonly hostname: string;
  /** The text of /proc/self/mountinfo, empty if there is none. */
  readonly mountinfo: string;
}

/** The id of the own container or its beginning, or undefined outside of one. */
export function ownContainerId({ hostname, mountinfo }: Surroundings): string | undefined {
  // ".../docker/containers/<64 hex digits>/hostname /etc/hostname ..."
  const mounted = /\/containers\/([0-9a-f]{64})\/(?:hostname|resolv\.conf|hosts)\b/.exec(mountinfo)?.[1];
  if (mounted !== undefined) return mounted;
  return /^[0-9a-f]{12}$/.test(hostname) ? hostname : undefined;
}
