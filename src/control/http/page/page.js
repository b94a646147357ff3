'use strict';
const PERIOD_MS = 1000, SHOWN_MS = 120000, WINDOW_MS = 60000, COLOURS = 8;
const at = (id) => document.getElementById(id);
let readings = []; // of /v1/shards, each with that of /v1/latency, the latest last

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat('en');
const count = (n) => (n < 100000 ? whole.format(Math.round(n)) : compact.format(n));
const rate = (n) => (n > 0 && n < 10 ? n.toFixed(1) : count(n));
const percent = (part) => (100 * part).toFixed(part < 0.0995 ? 1 : 0) + ' %';
const two = (n) => Number(n.toPrecision(2));
const time = (ms) => ms < 0.001 ? '< 1 µs' : ms < 1 ? two(1000 * ms) + ' µs' : ms < 1000 ? two(ms) + ' ms' : two(ms / 1000) + ' s';

function spoken(ms) {
  const s = Math.floor(ms / 1000), parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const told = parts.map(([unit, name], i) => [Math.floor((i ? s % parts[i - 1][0] : s) / unit), name]).filter(([n]) => n);
  return told.slice(0, 2).map(([n, name]) => n + ' ' + name).join(' ') || '0 s';
}

async function ask(path) {
  const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
  return answer.json();
}

/* What two readings say of one shard. A shard that was replaced counts anew. */
function difference(now, before, shard, name) {
  const one = now.shards.find((s) => s.shard === shard), other = before.shards.find((s) => s.shard === shard);
  if (!one || !other) return 0;
  return Math.max(0, (one.numbers[name] || 0) - (other.numbers[name] || 0));
}
const all = (reading) => Array.from({ length: reading.count }, (_, shard) => shard);
const ids = (reading) => reading.shards.map((s) => s.shard); // of those that answered
const sum = (reading, name) => reading.shards.reduce((all, s) => all + (s.numbers[name] || 0), 0);
const elapsed = (now, before) => Math.max(1, now.up_ms - before.up_ms) / 1000;
const load = (now, before, shard) => Math.min(1, difference(now, before, shard, 'busy_us') / 1e6 / elapsed(now, before));
const each = (now, before, names) => ids(now).reduce(
  (all, shard) => names.reduce((some, name) => some + difference(now, before, shard, name), all), 0) / elapsed(now, before);

function tiles(now, before) {
  at('calls').textContent = count(sum(now, 'calls'));
  at('contacts').textContent = count(sum(now, 'bindings'));
  if (!before) return;
  const loads = ids(now).map((shard) => load(now, before, shard));
  const lost = each(now, before, ['udp_kernel_drops', 'udp_send_drops', 'mesh_drops']);
  at('calls-begun').textContent = rate(each(now, before, ['calls_begun'])) + ' begun a second';
  at('registrations').textContent = rate(each(now, before, ['registered'])) + ' REGISTERs a second';
  at('busiest').textContent = percent(Math.max(0, ...loads));
  at('mean').textContent = percent(loads.reduce((a, b) => a + b, 0) / Math.max(1, loads.length)) + ' on average';
  at('received').textContent = rate(each(now, before, ['udp_received', 'tcp_received'])) + '/s';
  at('sent').textContent = rate(each(now, before, ['udp_sent', 'tcp_sent'])) + ' out a second';
  at('lost').textContent = rate(lost) + '/s';
  at('again').textContent = rate(each(now, before, ['retransmissions'])) + ' sent again a second';
  at('tile-lost').classList.toggle('bad', lost > 0);
}

/* The end of a scale that holds `most`: 1, 2 or 5 and zeros. */
function scale(most) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= most);
}

/* Draws lines of [age in ms, value]. */
function draw(id, lines, top, label, told) {
  const svg = at(id), box = svg.getBoundingClientRect();
  const width = Math.max(200, box.width), height = Math.max(100, box.height), left = 46, right = width - 6, bottom = height - 20, up = 8;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const x = (age) => right - age / SHOWN_MS * (right - left), y = (value) => bottom - Math.min(1, value / top) * (bottom - up);
  let inner = `<title>${told}</title>`;
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const line = y(part * top);
    inner += `<line class="grid" x1="${left}" x2="${right}" y1="${line}" y2="${line}"/>`;
    if (part * 2 % 1 === 0) inner += `<text class="tick" x="${left - 8}" y="${line + 4}" text-anchor="end">${label(part * top)}</text>`;
  }
  for (const s of [0, 30, 60, 90, 120])
    inner += `<text class="tick" x="${x(1000 * s)}" y="${height - 4}" text-anchor="${s ? (s === 120 ? 'start' : 'middle') : 'end'}">${s ? '−' + s + ' s' : 'now'}</text>`;
  lines.forEach((values, index) => {
    const points = values.map(([age, value]) => `${x(age).toFixed(1)},${y(value).toFixed(1)}`);
    const colour = `stroke="var(--c${index % COLOURS})"`;
    if (points.length === 1) points.push(points[0]);
    if (points.length) inner += `<polyline class="line" ${colour} points="${points.join(' ')}"/>`;
  });
  svg.innerHTML = inner;
  svg.setAttribute('aria-label', told);
}

function charts() {
  const now = readings[readings.length - 1], shards = all(now);
  const age = (reading) => now.up_ms - reading.up_ms;
  const loads = shards.map((shard) => readings.slice(1).flatMap((reading, i) =>
    ids(reading).includes(shard) ? [[age(reading), load(reading, readings[i], shard)]] : []));
  const latest = loads.map((values, i) => `shard ${shards[i]} ${values.length ? percent(values[values.length - 1][1]) : 'unknown'}`);
  draw('load', loads, 1, (part) => Math.round(100 * part) + ' %', 'Load: ' + latest.join(', '));
  for (const [id, name, word] of [['calls-chart', 'calls', 'Calls'], ['contacts-chart', 'bindings', 'Registered contacts']]) {
    const values = readings.map((reading) => [age(reading), sum(reading, name)]);
    const most = Math.max(...values.map(([, value]) => value));
    draw(id, [values], scale(Math.max(2, most)), count, `${word}: ${count(sum(now, name))} now, ${count(most)} at most`);
  }
}

function shardRows(now, before) {
  at('shards').innerHTML = all(now).map((shard) => {
    const name = `<th scope="row"><i style="background:var(--c${shard % COLOURS})"></i>${shard}</th>`;
    const { numbers } = now.shards.find((s) => s.shard === shard) || {};
    if (!numbers) return `<tr>${name}<td class="bad" colspan="7">does not answer</td></tr>`;
    const second = (...names) => before
      ? rate(names.reduce((all, name) => all + difference(now, before, shard, name), 0) / elapsed(now, before)) : '–';
    const cells = [before ? percent(load(now, before, shard)) : '–', count(numbers.calls), count(numbers.transactions),
      count(numbers.bindings), second('udp_received', 'tcp_received'), second('udp_sent', 'tcp_sent'), second('handed_off')];
    return `<tr>${name}${cells.map((c) => `<td>${c}</td>`).join('')}</tr>`;
  }).join('');
}

/* What was counted between two readings of one stage: [upper bound, count]. */
function between(now, before) {
  const known = new Map(before ? before.buckets : []);
  return now.buckets.map(([bound, n]) => [bound, n - (known.get(bound) || 0)]).filter(([, n]) => n > 0);
}

function quantile(buckets, part) {
  const wanted = Math.max(1, Math.ceil(part * buckets.reduce((all, [, n]) => all + n, 0)));
  let seen = 0;
  for (const [bound, n] of buckets) if ((seen += n) >= wanted) return bound;
  return 0;
}

const NAMES = { receive: 'Receive', parse: 'Parse', auth: 'Authenticate', database: 'Database', outside: 'Outside', plan: 'Plan and write', send: 'Send', ringing: 'INVITE to ringing', answer: 'INVITE to answer' };

function stageRows() {
  const last = readings[readings.length - 1], first = readings.find((reading) => last.up_ms - reading.up_ms <= WINDOW_MS);
  const now = last.latency, before = first === last ? null : first.latency;
  /* From 1 µs to 100 s, a tenth of the scale and more for each power of ten. */
  const place = (ms) => 100 * Math.min(1, Math.max(0, (Math.log10(ms) + 3) / 8));
  at('stages').innerHTML = now.stages.map((stage, index) => {
    const lately = between(stage, before && before.stages[index]);
    const name = `<th scope="row">${NAMES[stage.stage] || stage.stage}</th>`;
    if (!lately.length) return `<tr>${name}<td>–</td><td>–</td><td>–</td><td class="wide"><div class="bar"></div></td></tr>`;
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((part) => quantile(lately, part));
    const bar = `<div class="bar${stage.of_calls ? ' of-calls' : ''}"><i style="left:${place(p50)}%;width:${place(p999) - place(p50)}%"></i></div>`;
    return `<tr>${name}<td>${time(p50)}</td><td>${time(p99)}</td><td>${time(p999)}</td><td class="wide">${bar}</td></tr>`;
  }).join('');
}

let polls = 0;
async function poll() {
  try {
    const [shards, latency] = await Promise.all([ask('/v1/shards'), ask('/v1/latency')]);
    /* Readings of an engine that has ended since are no part of this one's. */
    readings = readings.filter(({ up_ms }) => up_ms < shards.up_ms && shards.up_ms - up_ms <= SHOWN_MS);
    const before = readings[readings.length - 1];
    /* What lacks the share of a shard is no reading of all. */
    readings.push({ ...shards, latency: before && latency.silent.length ? before.latency : latency });
    at('origin').textContent = `version ${shards.version}, up ${spoken(shards.up_ms)}, ${shards.count} shard${shards.count === 1 ? '' : 's'}`;
    tiles(shards, before); charts(); shardRows(shards, before); stageRows();
    if (polls++ % 5 === 0) await readiness();
    at('silence').hidden = true;
  } catch (error) {
    at('silence').hidden = false;
    badge('no answer', false);
    polls = 0;
  }
  setTimeout(poll, document.hidden ? 10 * PERIOD_MS : PERIOD_MS);
}

async function readiness() {
  const { ok, checks } = await ask('/readyz');
  const reasons = Object.values(checks).filter((check) => !check.ok).map((check) => check.reason);
  badge(ok ? 'ready' : reasons.join('; '), ok);
}

function badge(text, ok) {
  const place = at('ready');
  if (place.textContent !== text) place.textContent = text;
  place.className = 'badge ' + (ok ? 'good' : 'bad');
}

addEventListener('resize', () => readings.length && charts());
poll();
