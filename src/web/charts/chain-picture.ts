// A certification path as a picture: the root on top, each CA below the one that signed it, the certificate at the bottom,
// each with its end. The same stands in a table beside it.
import { utcDay } from '../../domain/words.ts';
import { type Html, html } from '../html.ts';
import { fitted, picture, pictureWidth } from './drawing.ts';

/** One box: from the root downwards. */
export type ChainBox = {
  readonly role: string;
  readonly name: string;
  readonly notAfter: Date;
};

const [boxHeight, gap, indent] = [46, 22, 26];

/** The path from the root (first) to the certificate (last). */
export function chainPicture(id: string, boxes: readonly ChainBox[], now: Date): Html {
  const height = boxes.length * (boxHeight + gap) - gap + 2;
  const description = boxes
    .map(({ role, name, notAfter }) => `${role} ${name}, until ${utcDay(notAfter)}`)
    .join('; it signed: ');
  return picture(
    { id, title: 'The chain of the certificate', description, height },
    boxes.map((box, at) => [at > 0 && arrow(at), boxPicture(box, at, now)]),
  );
}

function arrow(at: number): Html {
  const [x, top] = [indent * (at - 1) + 13, at * (boxHeight + gap) - gap + 1];
  const middle = at * (boxHeight + gap) + boxHeight / 2 + 1;
  return html`<path class="chart-link" d="M${x} ${top}V${middle}H${x + 9}"/><path class="chart-arrow" d="M${x + 13} ${middle}l-6 -4v8z"/>`;
}

function boxPicture({ role, name, notAfter }: ChainBox, at: number, now: Date): Html {
  const [x, y] = [indent * at + 1, at * (boxHeight + gap) + 1];
  const width = pictureWidth - x - 1;
  const isOver = now > notAfter;
  // Digits in bold are the widest of what names are made of.
  const most = Math.floor((width - 24) / 9.4);
  return html`<g><title>${name}</title><rect class="chart-box${isOver && ' chart-box-over'}" x="${x}" y="${y}" width="${width}" height="${boxHeight}" rx="6"/>
<text class="chart-text chart-strong" x="${x + 12}" y="${y + 20}">${fitted(name, most)}</text>
<text class="chart-small" x="${x + 12}" y="${y + 37}">${role} · ${isOver ? 'ended' : 'until'} ${utcDay(notAfter)}</text></g>`;
}
