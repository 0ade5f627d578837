/** What the processes of a node are told of secrets: the one that they know each other by, and no other. */

/**
 * The environment of a daemon and its sidecar. The fleet's token, by which the fleet is changed over HTTP, is not for
 * them: whoever got at a node's memory would have the fleet.
 * @param configToken what follows from it for this purpose, or is given or made up for it
 */
export function nodeSecrets(configToken: string): Record<string, string | undefined> {
  return {
    MEMFLEET_CONFIG_TOKEN: configToken,
    MEMFLEET_CONFIG_TOKEN_FILE: undefined,
    MEMFLEET_TOKEN: undefined,
    MEMFLEET_TOKEN_FILE: undefined,
  };
}
