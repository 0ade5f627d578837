/**
 * The image's health check: asks the node's sidecar whether it is ready or, where no sidecar listens, the coordinator
 * whether it lives. Ends with 0 or 1 and one line for `docker inspect`. It is started anew every few seconds in every
 * container, so it is plain JavaScript over a bare socket: loading an HTTP client would double what it costs.
 */
import { connect } from 'node:net';

/** How long one process may take to answer; below the time-out of the HEALTHCHECK instruction. */
const ANSWER_TIMEOUT_MS = 4000;

/** Each question, with the variable that moves the port and the port that it has otherwise. */
const QUESTIONS = [
  { variable: 'MEMFLEET_SIDECAR_LISTEN', usualPort: 9150, path: '/readyz' },
  { variable: 'MEMFLEET_COORDINATOR_LISTEN', usualPort: 8080, path: '/healthz' },
];

/** Resolves with the whole answer, rejects with why there is none. */
function ask(port, path) {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      // HTTP/1.0: the answer ends with the connection.
      socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
    });
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    socket.on('data', (text) => (answer += text));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

for (const { variable, usualPort, path } of QUESTIONS) {
  const port = Number(/:(\d+)$/.exec(process.env[variable] ?? '')?.[1] ?? usualPort);
  try {
    const answer = await ask(port, path);
    const status = Number(/^HTTP\/1\.\d (\d{3}) /.exec(answer)?.[1]);
    console.log(`${path} on ${port}: ${status} ${answer.slice(answer.indexOf('\r\n\r\n') + 4).slice(0, 200)}`);
    process.exit(status === 200 ? 0 : 1);
  } catch (error) {
    console.log(`${path} on ${port}: ${error.message}`);
    // A process that listens decides; only where there is none is the next one asked.
    if (error.code !== 'ECONNREFUSED') process.exit(1);
  }
}
process.exit(1);
