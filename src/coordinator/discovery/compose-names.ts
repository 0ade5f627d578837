/** Which node a container of docker compose is, while compose makes it anew. Pure. */
import type { Labels } from './labels.ts';

/** The compose project of a container. */
export const PROJECT_LABEL = 'com.docker.compose.project';
const SERVICE_LABEL = 'com.docker.compose.service';
const NUMBER_LABEL = 'com.docker.compose.container-number';
/** On a container that was made in another's place: the other's id or, since compose 2.30, its name. */
const REPLACE_LABEL = 'com.docker.compose.replace';

/**
 * The name that the container has for good. To recreate one, compose makes the new one as `ID_NAME`, the first twelve
 * digits of the old one's id before the name, and renames it when the old one is gone (compose 1 renamed the old one).
 * A container that only looks so and is not compose's keeps its name.
 */
export function nodeNameOf({ name, labels }: { readonly name: string; readonly labels: Labels }): string {
  const lasting = /^[0-9a-f]{12}_(.+)$/.exec(name)?.[1];
  const [project, service, number] = [PROJECT_LABEL, SERVICE_LABEL, NUMBER_LABEL].map((label) => labels[label]);
  if (lasting === undefined || project === undefined || service === undefined) return name;
  const usual = [`${project}-${service}-${number}`, `${project}_${service}_${number}`];
  const replaces = labels[REPLACE_LABEL] !== undefined;
  return replaces || usual.includes(lasting) ? lasting : name;
}
