// The operator's live page: asks what there is, follows what happens. Everything is written as text, never as markup.
const at = (id) => document.getElementById(id);
const kTypes = ['gateway.started', 'gateway.stopped', 'radio.degraded', 'radio.recovered', 'presence.entered',
  'presence.dwelled', 'presence.left', 'wifi.admitted', 'wifi.ended', 'shake.won', 'shake.lost', 'shake.denied',
  'coupon.issued', 'coupon.reserved', 'coupon.redeemed', 'coupon.voided', 'coupon.expired', 'packet.claimed',
  'sale.recorded', 'consent.given', 'consent.withdrawn', 'stock.low', 'stock.exhausted', 'campaign.applied',
  'campaign.refused', 'outbox.gap', 'storage.recovered'];
const kShown = 100;

// The page is English; who prefers Chinese reads it so. Names of events and of their data stay as they are everywhere.
const kChinese = {
  'guests in': '在线顾客', 'beacons here': '附近信标', 'people today': '今日人数', 'won today': '今日中奖',
  'events to send': '待上报事件', 'upstream': '上游连接', 'Campaigns': '活动', 'What happens': '实时动态',
  'Campaign': '活动', 'Trigger': '触发', 'State': '状态', 'Won': '中奖', 'Today': '今日', 'Left': '剩余',
  'Pause': '暂停', 'Resume': '恢复', 'none': '未配置', 'connected': '已连接', 'away': '已断开',
  'running': '进行中', 'paused': '已暂停', 'waiting': '未开始', 'over': '已结束',
  'shake': '摇一摇', 'enter': '进店', 'dwell': '停留', 'exit': '离店', 'wifi': '连 Wi-Fi', 'qr': '扫码', 'purchase': '消费',
  'Nothing yet.': '暂无动态。', 'connecting…': '正在连接…',
  'foyerd does not answer; trying again': 'foyerd 没有响应，正在重试',
};
const chinese = (navigator.language ?? '').toLowerCase().startsWith('zh');
const say = (text) => (chinese && kChinese[text]) || text;
if (chinese) document.documentElement.lang = 'zh-CN';
for (const node of document.querySelectorAll('.tile span, h2, th, #line')) node.textContent = say(node.textContent);
at('events').dataset.empty = say(at('events').dataset.empty);

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
  put('here', s.radio.here ?? '–');  // few shoppers, where they are only counted
  put('waiting', Object.values(s.outbox ?? {}).reduce((sum, rows) => sum + rows, 0));
  const up = s.upstream;
  put('upstream', say(up === null ? 'none' : up.connected ? 'connected' : 'away'), up === null ? '' : up.connected ? 'good' : 'bad');
  const hours = Math.floor(s.up_s / 3600), minutes = Math.floor(s.up_s / 60) % 60;
  put('line', chinese
    ? `foyer ${s.version}，已运行 ${hours} 小时 ${minutes} 分${s.radio.up ? '' : '，蓝牙不可用'}`
    : `foyer ${s.version}, up ${hours} h ${minutes} min${s.radio.up ? '' : ', the radio is down'}`);
};

const title = (texts) => {
  for (const tag of navigator.languages) if (texts[tag]) return texts[tag];
  return Object.values(texts)[0] ?? '';
};

const toggle = (campaign) => {
  const button = document.createElement('button');
  const word = campaign.state === 'paused' ? 'resume' : 'pause';
  button.textContent = say(word === 'pause' ? 'Pause' : 'Resume');
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
    cell(row, say(one.trigger));
    cell(row, say(one.state), one.state === 'running' ? 'good' : one.state === 'paused' ? 'bad' : '');
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
  const go = () => run().catch(() => put('line', say('foyerd does not answer; trying again'), 'bad'));
  go();
  setInterval(go, seconds * 1000);
};
every(5, status);
every(10, campaigns);
every(30, stats);
const events = new EventSource('/v1/events');
for (const type of kTypes) events.addEventListener(`foyer.${type}.v1`, show);
