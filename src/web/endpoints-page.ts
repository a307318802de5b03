// Declared endpoints and what the last look at each of them saw.
import type { EndpointResource } from '../domain/warning-wire.ts';
import { row, table } from './content-parts.ts';
import { type Html, html } from './html.ts';
import { linkTo } from './link.ts';
import { empty, level } from './parts.ts';
import { time } from './time.ts';

/** `/endpoints` */
export const endpointsPage = (endpoints: readonly EndpointResource[], now: Date): Html => html`<h1>Endpoints</h1>
<p>What is served where, as a look from here sees it. Endpoints come from <code>probes</code> in omens.yaml alone.</p>
${
  endpoints.length === 0
    ? empty('No endpoint is declared.')
    : table(
        'As the last look saw them.',
        columns,
        endpoints.map((one) => line(one, now)),
      )
}`;

const columns = ['Endpoint', 'Level', 'Looked at', 'Serves', 'Until', 'Found'] as const;

function line(endpoint: EndpointResource, now: Date): Html {
  const { name, address, kind, level: shown, lookedAt, findings, servedSha256, servedNotAfter } = endpoint;
  return row(columns, [
    html`${name}<div class="files">${address} <span class="muted">${kind}</span></div>`,
    level(shown),
    time(lookedAt, now, 'never'),
    servedSha256 === null
      ? '–'
      : html`<a href="${linkTo('/certificates/{cert}', { cert: servedSha256 })}"><code class="nowrap">${servedSha256.slice(0, 16)}</code></a>`,
    time(servedNotAfter, now),
    findings.length === 0
      ? html`<span class="muted">nothing</span>`
      : findings.map((finding) => html`<div>${level(finding.level)} ${finding.detail}</div>`),
  ]);
}
