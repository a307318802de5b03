// What SPIRE knows of one host: its identities, and what is to be done there, in order.
import type { SpireDeviceResource } from '../domain/spire-wire.ts';
import { row, table } from './content-parts.ts';
import { type Html, html } from './html.ts';
import { linkTo } from './link.ts';
import { empty, level } from './parts.ts';
import { time } from './time.ts';

const asked: Readonly<Record<SpireDeviceResource['asked'], string>> = {
  answered: 'The SPIRE server was asked just now.',
  notConfigured: 'No SPIRE server is configured: these are the commands for whoever runs it.',
  notAllowed: 'This service may not ask the SPIRE server: these are the commands for whoever runs it.',
  failed: 'The SPIRE server could not be asked.',
};

/** `/devices/{id}/spire` */
export function spirePage(view: SpireDeviceResource, now: Date): Html {
  return html`<h1>SPIRE and <a href="${linkTo('/devices/{id}', { id: view.device })}">${view.hostName}</a></h1>
<p>${asked[view.asked]} ${view.because}</p>
${view.lineages.length === 0 ? empty('It has no DevID: SPIRE cannot know it by one.') : view.lineages.map((one) => lineage(one, now))}`;
}

function lineage({ newest, older, steps, hasSpireAgent }: SpireDeviceResource['lineages'][number], now: Date): Html {
  const columns = ['Agent ID', 'Certificate', 'Ends', 'Listed'];
  const rows = [newest, ...older].map(({ spiffeId, certificate, notAfter, listed }) =>
    row(columns, [
      html`<code>${spiffeId}</code>`,
      html`<a href="${linkTo('/certificates/{cert}', { cert: certificate })}"><code class="nowrap">${certificate.slice(0, 16)}</code></a>`,
      time(notAfter, now),
      listed === null ? 'not asked' : listed ? level('ok', 'yes') : level('neutral', 'no'),
    ]),
  );
  return html`<h2>DevID</h2><p class="hint">${hasSpireAgent ? 'Its host says that a SPIRE agent uses it.' : 'Its host says that no SPIRE agent uses it.'}</p>
${table('The newest first.', columns, rows)}
${
  steps.length > 0 &&
  html`<h3>What is to be done</h3><ol>${steps.map(
    ({ step, state, command, because }) =>
      html`<li><p>${level(state === 'done' ? 'ok' : state === 'due' ? 'warning' : 'neutral', state === 'notYet' ? 'not yet' : state)} ${step} <span class="muted">${because}</span></p><pre class="command">${command}</pre></li>`,
  )}</ol>`
}`;
}
