// Pages of warnings, and what people do with one.
import { isUuid } from '../../domain/identifiers.ts';
import { oneLine } from '../../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../../domain/result.ts';
import { type Condition, conditions } from '../../domain/warning.ts';
import { wireTime } from '../../domain/wire.ts';
import { linkTo } from '../../web/link.ts';
import { warningPage, warningsPage } from '../../web/warnings-page.ts';
import type { WarningServices } from '../warning-services.ts';
import { nothingThere, type Page, page } from './page.ts';

const section = '/warnings';
const pageSize = 50;

/** `/warnings…` */
export const warningPages = (services: WarningServices): readonly Page[] => [
  page(
    'GET',
    '/warnings',
    { section, takes: 'viewer', query: ['state', 'level', 'condition', 'device', 'cursor'] },
    async ({ query, frame }) => {
      const state = query.state === 'closed' ? 'closed' : 'open';
      const level = query.level === 'warning' || query.level === 'critical' ? query.level : undefined;
      const condition = isCondition(query.condition) ? query.condition : undefined;
      const device = isUuid(query.device) ? query.device : undefined;
      const { items, next } = await services.listWarnings({
        ...{ state, limit: pageSize },
        ...(level === undefined ? {} : { level }),
        ...(condition === undefined ? {} : { condition }),
        ...(device === undefined ? {} : { device }),
        ...(query.cursor === '' ? {} : { cursor: query.cursor }),
      });
      const shown = { state, level: level ?? '', condition: condition ?? '', device: device ?? '' } as const;
      return { title: 'Warnings', body: warningsPage({ ...shown, warnings: items, next }, frame) };
    },
  ),
  page('GET', '/warnings/{id}', { section, takes: 'viewer' }, async ({ params, frame }) => {
    const warning = await services.showWarning(params.id);
    if (warning === null) return nothingThere('warning');
    return { title: `${warning.facts.name}: ${warning.level}`, body: warningPage(warning, frame) };
  }),
  page('POST', '/warnings/{id}/acknowledgement', { section, takes: 'admin', form: ['note'] }, async (r) => {
    const done = await services.acknowledgeWarning(r.params.id, noteOf(r.form.note), r.principal, r);
    if (!done.ok) return { refusals: done.error };
    return { goTo: linkTo('/warnings/{id}', { id: r.params.id }), notice: 'acknowledged' };
  }),
  page('POST', '/warnings/{id}/snooze', { section, takes: 'admin', form: ['for', 'until', 'note'] }, async (r) => {
    const until = untilOf(r.form, r.now);
    if (!until.ok) return { refusals: until.error };
    const body = { until: until.value, ...noteOf(r.form.note) };
    const done = await services.snoozeWarning(r.params.id, body, r.principal, r);
    if (!done.ok) return { refusals: done.error };
    return { goTo: linkTo('/warnings/{id}', { id: r.params.id }), notice: 'snoozed' };
  }),
];

const isCondition = (name: string): name is Condition => Object.hasOwn(conditions, name);

const noteOf = (note: string): { readonly note?: string } => (note === '' ? {} : { note: oneLine(note, 512) });

const snoozeDays: ReadonlyMap<string, number> = new Map([
  ['1d', 1],
  ['3d', 3],
  ['7d', 7],
]);

/** The end of a snooze: so many days from now, or the beginning of a day. */
function untilOf(
  form: { readonly for: string; readonly until: string },
  now: Date,
): Result<string, Refusal<'malformedForm'>> {
  const days = snoozeDays.get(form.for);
  if (days !== undefined) return ok(wireTime(new Date(now.getTime() + days * 86_400_000)));
  const at = /^\d{4}-\d\d-\d\d$/.test(form.until) ? new Date(`${form.until}T00:00:00Z`) : null;
  if (form.for === 'date' && at !== null && !Number.isNaN(at.getTime())) return ok(wireTime(at));
  return err({
    reason: 'malformedForm',
    detail: 'nothing says how long the warning is snoozed',
    field: 'until',
    accepted: '1 day, 3 days, 7 days, or a date',
  });
}
