/**
 * The fleet's page: follows /v1/topology/events for who is there, and asks /v1/nodes every two seconds, while the page
 * can be seen, for how they are. Everything that comes from outside goes into the page as text, never as markup.
 */
const NODES_INTERVAL_MS = 2000;
/** What was left out is told up to here; all of it is in /v1/nodes. */
const LEFT_OUT_SHOWN = 5;

const count = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/** @type {{ version: number, fleet: string, nodes: any[] }} */
let topology = { version: 0, fleet: 'memfleet', nodes: [] };
/** Name → node as /v1/nodes gave it last. @type {Map<string, any>} */
let details = new Map();
/** Name → rates between the last two answers. @type {Map<string, { gets: number, sets: number, hitRatio: number }>} */
let rates = new Map();

function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

function bytes(amount) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  for (; amount >= 1024 && index < units.length - 1; index += 1) amount /= 1024;
  return `${amount.toFixed(amount < 10 && index > 0 ? 1 : 0)} ${units[index]}`;
}

/** Rates from two readings; a restarted daemon counts from zero again and has none until the next. */
function rateOf(before, after) {
  if (!before?.stats || !after.stats) return undefined;
  const seconds = (after.readMs - before.readMs) / 1000;
  const grown = (name) => after.stats.values[name] - before.stats.values[name];
  if (!(seconds > 0) || grown('uptime') < 0 || grown('cmd_get') < 0) return rates.get(after.name);
  const gets = grown('cmd_get');
  return {
    gets: gets / seconds,
    sets: grown('cmd_set') / seconds,
    hitRatio: gets > 0 ? grown('get_hits') / gets : NaN,
  };
}

function cell(row, content, className = '') {
  const made = row.insertCell();
  made.className = className;
  made.append(content);
}

function memoryCell(row, stats) {
  if (!stats) return cell(row, '–');
  const meter = document.createElement('meter');
  meter.max = stats.limit_maxbytes || 1;
  meter.value = stats.bytes;
  meter.title = `${bytes(stats.bytes)} of ${bytes(stats.limit_maxbytes)}`;
  meter.append(meter.title);
  const both = document.createElement('span');
  both.append(meter, bytes(stats.bytes));
  return cell(row, both);
}

function nodeRow(node, isNew) {
  const detail = details.get(node.name);
  const stats = node.state === 'down' ? undefined : detail?.stats?.values;
  const rate = node.state === 'down' ? undefined : rates.get(node.name);
  const row = document.createElement('tr');
  if (isNew) row.className = 'changed';
  const name = document.createElement('th');
  name.scope = 'row';
  const address = document.createElement('small');
  address.append(`${node.ip}:${node.port}`);
  name.append(node.name, address);
  row.append(name);
  const state = document.createElement('span');
  state.className = `state ${node.state}`;
  state.append(node.state);
  const full = detail?.probe?.full ? 'full: takes no further connection' : undefined;
  state.title = detail?.probe?.error ?? full ?? `since ${detail?.since ?? 'now'}`;
  cell(row, state);
  const number = (value) => cell(row, Number.isFinite(value) ? count.format(value) : '–', 'number');
  number(stats?.curr_items);
  memoryCell(row, stats);
  number(rate?.gets);
  number(rate?.sets);
  cell(row, Number.isFinite(rate?.hitRatio) ? percent.format(rate.hitRatio) : '–', 'number');
  number(stats?.evictions);
  number(stats?.curr_connections);
  const answers = node.state !== 'down' && detail?.probe?.ok;
  cell(row, answers ? `${detail.probe.durationMs.toFixed(1)} ms` : '–', 'number');
  cell(row, detail?.probe?.version ?? '–');
  return row;
}

function showTotals() {
  const up = topology.nodes.filter((node) => node.state !== 'down').map(({ name }) => name);
  const known = up.map((name) => details.get(name)?.stats?.values);
  const sum = (name) => known.reduce((total, stats) => total + (stats?.[name] ?? 0), 0);
  const gets = up.reduce((total, name) => total + (rates.get(name)?.gets ?? 0), 0);
  const active = topology.nodes.filter((node) => node.state === 'active').length;
  const totals = [
    ['Nodes on the ring', `${active} of ${topology.nodes.length}`],
    ['Items', count.format(sum('curr_items'))],
    ['Memory', bytes(sum('bytes')), ` of ${bytes(sum('limit_maxbytes'))}`],
    ['Gets per second', rates.size > 0 ? count.format(gets) : '–'],
    ['Hit ratio, overall', sum('cmd_get') > 0 ? percent.format(sum('get_hits') / sum('cmd_get')) : '–'],
    ['Topology version', String(topology.version)],
  ];
  element('totals').replaceChildren(
    ...totals.map(([title, value, whole = '']) => {
      const box = document.createElement('div');
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.append(title);
      const rest = document.createElement('small');
      rest.append(whole);
      description.append(value, rest);
      box.append(term, description);
      return box;
    }),
  );
}

const shown = new Map();

function render() {
  element('fleet').textContent = topology.fleet;
  document.title = topology.fleet;
  const rows = topology.nodes.map((node) => {
    const isNew = shown.has(node.name) ? shown.get(node.name) !== node.state : shown.size > 0;
    return nodeRow(node, isNew);
  });
  shown.clear();
  for (const node of topology.nodes) shown.set(node.name, node.state);
  element('nodes').replaceChildren(...rows);
  element('empty').hidden = rows.length > 0;
  showTotals();
}

function showNotice(answer) {
  const away = answer.sources
    .filter((source) => !source.up)
    .map((source) => `${source.name}: ${source.error ?? 'not seen yet'}`)
    .filter((line) => !answer.held?.includes(line));
  // A duplicate is in the fleet, under the name that another source has for it.
  const leftOut = answer.leftOut.shown
    .filter(({ reason }) => reason !== 'duplicate')
    .map(({ name, why }) => `${name}: ${why}`)
    .filter((line) => ![answer.held, ...away].some((told) => told?.includes(line)));
  const lines = [answer.held, ...away].filter((line) => line !== null);
  if (leftOut.length > 0) {
    const more = leftOut.length > LEFT_OUT_SHOWN ? ' …' : '';
    lines.push(`left out: ${leftOut.slice(0, LEFT_OUT_SHOWN).join(', ')}${more}`);
  }
  element('notice').hidden = lines.length === 0;
  element('notice').textContent = lines.join(' · ');
}

async function askNodes() {
  if (document.hidden) return;
  try {
    const response = await fetch('/v1/nodes', { signal: AbortSignal.timeout(5000) });
    if (!response.ok) {
      // Before its first look at the nodes the coordinator says what it waits for.
      const { detail } = await response.json();
      element('notice').hidden = false;
      element('notice').textContent = detail;
      return;
    }
    const answer = await response.json();
    // By the page's own clock, which nobody sets.
    const answeredMs = performance.now();
    const next = new Map(
      answer.nodes.map((node) => [node.name, { ...node, readMs: answeredMs - (node.stats?.ageMs ?? 0) }]),
    );
    rates = new Map(
      [...next].flatMap(([name, node]) => {
        const rate = rateOf(details.get(name), node);
        return rate === undefined ? [] : [[name, rate]];
      }),
    );
    details = next;
    showNotice(answer);
    render();
  } catch {
    // The event stream tells whether the coordinator is there.
  }
}

function follow() {
  const events = new EventSource('/v1/topology/events');
  const link = element('link');
  events.addEventListener('open', () => {
    link.textContent = 'live';
    link.classList.add('live');
  });
  events.addEventListener('error', () => {
    link.textContent = 'coordinator away, trying again';
    link.classList.remove('live');
    // A refused stream is not tried again by the browser.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
  events.addEventListener('topology', (event) => {
    topology = JSON.parse(event.data);
    render();
    void askNodes();
  });
}

follow();
setInterval(() => void askNodes(), NODES_INTERVAL_MS);
document.addEventListener('visibilitychange', () => void askNodes());
