// The operator's live page: asks what there is, follows what happens. Everything is written as text, never as markup.
const at = (id) => document.getElementById(id);
const kTypes = ['gateway.started', 'gateway.stopped', 'radio.degraded', 'radio.recovered', 'presence.entered',
  'presence.dwelled', 'presence.left', 'wifi.admitted', 'wifi.ended', 'shake.won', 'shake.lost', 'shake.denied',
  'coupon.issued', 'coupon.reserved', 'coupon.redeemed', 'coupon.voided', 'coupon.expired', 'packet.claimed',
  'sale.recorded', 'consent.given', 'consent.withdrawn', 'stock.low', 'stock.exhausted', 'campaign.applied',
  'campaign.refused', 'outbox.gap', 'storage.recovered'];
const kShown = 100;

const ask = async (path, options) => {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
};

const put = (id, text, look = '') => {
  at(id).textContent = text;
  at(id).className = look;
};

const cell = (row, text, look = '') => {
  const td = row.insertCell();
  td.textContent = text;
  td.className = look;
  return td;
};

const status = async () => {
  const s = await ask('/v1/status');
  put('name', `${s.store} · ${s.gateway}`);
  put('guests', s.guests.open);
  put('here', s.radio.here);
  put('waiting', Object.values(s.outbox ?? {}).reduce((sum, rows) => sum + rows, 0));
  const up = s.upstream;
  put('upstream', up === null ? 'none' : up.connected ? 'connected' : 'away', up === null ? '' : up.connected ? 'good' : 'bad');
  const hours = Math.floor(s.up_s / 3600);
  put('line', `foyer ${s.version}, up ${hours} h ${Math.floor(s.up_s / 60) % 60} min${s.radio.up ? '' : ', the radio is down'}`);
};

const title = (texts) => {
  for (const tag of navigator.languages) if (texts[tag]) return texts[tag];
  return Object.values(texts)[0] ?? '';
};

const toggle = (campaign) => {
  const button = document.createElement('button');
  const word = campaign.state === 'paused' ? 'resume' : 'pause';
  button.textContent = word === 'pause' ? 'Pause' : 'Resume';
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await ask(`/v1/campaigns/${encodeURIComponent(campaign.campaign)}/${word}`, {method: 'POST'});
    } finally {
      campaigns();
    }
  });
  return button;
};

const campaigns = async () => {
  const all = await ask('/v1/campaigns');
  put('won', all.reduce((sum, one) => sum + one.won_today, 0));
  const rows = all.map((one) => {
    const row = document.createElement('tr');
    const small = document.createElement('small');
    small.textContent = one.campaign;
    cell(row, title(one.title)).append(small);
    cell(row, one.trigger);
    cell(row, one.state, one.state === 'running' ? 'good' : one.state === 'paused' ? 'bad' : '');
    cell(row, one.won, 'n');
    cell(row, one.won_today, 'n');
    cell(row, one.prizes.filter((prize) => prize.left !== null).map((prize) => `${prize.prize} ${prize.left}`).join(', ') || '–', 'n');
    cell(row, '').append(toggle(one));
    return row;
  });
  at('campaigns').replaceChildren(...rows);
};

const stats = async () => {
  const s = await ask('/v1/stats?days=1');
  const people = s.present.present.people;
  put('present', people === null ? `<${s.k}` : people);
};

const show = (message) => {
  const event = JSON.parse(message.data);
  const row = document.createElement('li');
  const time = document.createElement('time'), type = document.createElement('b'), data = document.createElement('span');
  time.textContent = new Date(event.time).toLocaleTimeString();
  type.textContent = event.type.replace(/^foyer\.|\.v1$/g, '');
  data.textContent = Object.entries(event.data ?? {}).filter(([, value]) => value !== '' && typeof value !== 'object')
    .map(([key, value]) => `${key} ${value}`).join(' · ');
  row.append(time, type, data);
  at('events').prepend(row);
  while (at('events').children.length > kShown) at('events').lastElementChild.remove();
};

const every = (seconds, run) => {
  const go = () => run().catch(() => put('line', 'foyerd does not answer; trying again', 'bad'));
  go();
  setInterval(go, seconds * 1000);
};
every(5, status);
every(10, campaigns);
every(30, stats);
const events = new EventSource('/v1/events');
for (const type of kTypes) events.addEventListener(`foyer.${type}.v1`, show);
