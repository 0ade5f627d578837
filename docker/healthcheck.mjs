/**
 * The image's health check: asks the node's sidecar whether it is ready or, where no sidecar listens, the coordinator
 * whether it lives. Ends with 0 or 1 and one line for `docker inspect`. Plain JavaScript and nothing imported: it is
 * started every few seconds, so it must be cheap.
 */

/** How long one process may take to answer; below the time-out of the HEALTHCHECK instruction. */
const ANSWER_TIMEOUT_MS = 4000;

/** Each question, with the variable that moves the port and the port that it has otherwise. */
const QUESTIONS = [
  { variable: 'MEMFLEET_SIDECAR_LISTEN', port: 9150, path: '/readyz' },
  { variable: 'MEMFLEET_COORDINATOR_LISTEN', port: 8080, path: '/healthz' },
];

/** The port of a HOST:PORT in the environment, or the usual one. */
function portOf({ variable, port }) {
  const digits = /:(\d+)$/.exec(process.env[variable] ?? '');
  return digits === null ? port : Number(digits[1]);
}

/** Asks one process: true or false by its answer, undefined where nobody listens. */
async function ask(question) {
  const url = `http://127.0.0.1:${portOf(question)}${question.path}`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    console.log(`${url} ${response.status} ${(await response.text()).slice(0, 200)}`);
    return response.ok;
  } catch (error) {
    console.log(`${url} ${error.cause?.code ?? error.name}`);
    return error.cause?.code === 'ECONNREFUSED' ? undefined : false;
  }
}

for (const question of QUESTIONS) {
  const healthy = await ask(question);
  // A process that listens decides; exit at once instead of waiting for kept-alive connections.
  if (healthy !== undefined) process.exit(healthy ? 0 : 1);
}
process.exit(1);
