// Pages of devices: the list, one of them, those that wait for a person, and what an admin decides.
import type { HostView } from '../../domain/host-view.ts';
import { isUuid } from '../../domain/identifiers.ts';
import type { DeviceStateResource } from '../../domain/revocation-wire.ts';
import type { Result } from '../../domain/result.ts';
import { decisionPage } from '../../web/decision-pages.ts';
import { hostPage } from '../../web/host-page.ts';
import { hostsPage, hostStates } from '../../web/hosts-page.ts';
import { linkTo } from '../../web/link.ts';
import type { Notice } from '../../web/notices.ts';
import { spirePage } from '../../web/spire-page.ts';
import { waitingPage } from '../../web/waiting-page.ts';
import type { HttpServices, Operator, Refusals, RequestContext } from '../services.ts';
import type { ContentServices } from './content.ts';
import { type Page, page, type PageOutcome } from './page.ts';

const section = '/devices';
const pageSize = 50;

type Services = HttpServices & ContentServices;

/** A key as a console prints it may have colons. */
const soughtText = (text: string): string => {
  const lower = text.toLowerCase();
  return /^[0-9a-f:]{40,}$/.test(lower) ? lower.replaceAll(':', '') : lower;
};

/** `/devices…`, `/enrollments…` */
export const devicePages = (services: Services): readonly Page[] => [
  page('GET', '/devices', { section, takes: 'viewer', query: ['q', 'state', 'cursor'] }, async (r) => {
    const { q, cursor } = r.query;
    const state = hostStates.find((one) => one === r.query.state) ?? null;
    const text = q.slice(0, 255);
    const [found, waiting] = await Promise.all([
      services.listHosts(
        {
          state,
          text: text === '' ? null : soughtText(text),
          cursor: cursor === '' ? null : cursor,
          limit: pageSize,
        },
        r.now,
      ),
      services.listEnrollments({ state: 'pending', limit: 100 }, r),
    ]);
    return { title: 'Devices', body: hostsPage({ text, state, page: found, waiting: waiting.items, now: r.now }) };
  }),
  page('GET', '/devices/{id}', { section, takes: 'viewer' }, async (r) =>
    shown(services, r.params.id, r, (view) => ({ title: view.device.hostName, body: hostPage(view, r.frame) })),
  ),
  page('GET', '/devices/{id}/spire', { section, takes: 'viewer' }, async (r): Promise<PageOutcome> => {
    const view = isUuid(r.params.id) ? await services.spireOfDevice(r.params.id, r) : null;
    return view === null
      ? nothingThere('device')
      : { title: `SPIRE and ${view.hostName}`, body: spirePage(view, r.now) };
  }),
  ...statePages(services),
  ...waitingPages(services),
];

/** What a device of this id makes, or that there is none. */
async function shown(
  services: Services,
  id: string,
  context: RequestContext,
  make: (view: HostView) => PageOutcome,
): Promise<PageOutcome> {
  const view = isUuid(id) ? await services.viewHost(id, context) : null;
  return view === null ? nothingThere('device') : make(view);
}

const nothingThere = (what: string): PageOutcome => ({
  refusals: { reason: 'notFound', detail: `there is no such ${what}` },
});

type Change = (
  id: string,
  principal: Operator,
  context: RequestContext,
) => Promise<Result<DeviceStateResource, Refusals>>;

/** Each asks first, on a page that says what will happen. */
function statePages(services: Services): readonly Page[] {
  const changed = async (
    change: Change,
    r: RequestContext & { readonly principal: Operator },
    id: string,
    notice: Notice,
  ) => {
    if (!isUuid(id)) return nothingThere('device');
    const done = await change(id, r.principal, r);
    return done.ok ? { goTo: linkTo('/devices/{id}', { id }), notice } : { refusals: done.error };
  };
  return [
    page('GET', '/devices/{id}/suspension', { section, takes: 'admin' }, async (r) =>
      shown(services, r.params.id, r, (view) => asked('suspension', view, decisionPage('suspension', view, r.frame))),
    ),
    page('POST', '/devices/{id}/suspension', { section, takes: 'admin' }, (r) =>
      changed(services.suspendDevice, r, r.params.id, 'deviceSuspended'),
    ),
    page('GET', '/devices/{id}/resumption', { section, takes: 'admin' }, async (r) =>
      shown(services, r.params.id, r, (view) => asked('resumption', view, decisionPage('resumption', view, r.frame))),
    ),
    page('POST', '/devices/{id}/resumption', { section, takes: 'admin' }, (r) =>
      changed(services.resumeDevice, r, r.params.id, 'deviceResumed'),
    ),
    page('GET', '/devices/{id}/retirement', { section, takes: 'admin' }, async (r) =>
      shown(services, r.params.id, r, (view) => asked('retirement', view, decisionPage('retirement', view, r.frame))),
    ),
    page('POST', '/devices/{id}/retirement', { section, takes: 'admin', form: ['hostName'] }, async (r) => {
      const device = isUuid(r.params.id) ? await services.showDevice(r.params.id) : null;
      if (device === null) return nothingThere('device');
      if (r.form.hostName.toLowerCase() !== device.hostName) {
        const detail = 'the name is not the one of this device; nothing was changed';
        return { refusals: { reason: 'malformedForm', detail, field: 'hostName', accepted: device.hostName } };
      }
      return changed(services.retireDevice, r, r.params.id, 'deviceRetired');
    }),
  ];
}

const asked = (decision: string, { device }: HostView, body: ReturnType<typeof decisionPage>): PageOutcome => ({
  title: `${device.hostName}: ${decision}`,
  body,
});

function waitingPages(services: Services): readonly Page[] {
  return [
    page('GET', '/enrollments/{id}', { section, takes: 'viewer' }, async (r): Promise<PageOutcome> => {
      const view = isUuid(r.params.id) ? await services.previewApproval(r.params.id, r.principal, r) : null;
      if (view === null) return nothingThere('enrollment that waits');
      return { title: `Enrollment of ${view.enrollment.hostName}`, body: waitingPage(view, r.frame) };
    }),
    page('POST', '/enrollments/{id}/approval', { section, takes: 'admin', form: ['version'] }, async (r) => {
      const version = versionOf(r.form.version);
      if (version === null) return noVersion;
      if (!isUuid(r.params.id)) return nothingThere('enrollment');
      const done = await services.approveEnrollment({ id: r.params.id, version, principal: r.principal }, r);
      return done.ok ? { goTo: '/devices', notice: 'enrollmentApproved' } : { refusals: done.error };
    }),
    page('POST', '/enrollments/{id}/rejection', { section, takes: 'admin', form: ['version', 'reason'] }, async (r) => {
      const version = versionOf(r.form.version);
      if (version === null) return noVersion;
      if (!isUuid(r.params.id)) return nothingThere('enrollment');
      const reason = r.form.reason;
      if (reason === '' || reason.length > 200 || /[\x00-\x1f\x7f]/.test(reason)) return noReason;
      const done = await services.rejectEnrollment({ id: r.params.id, version, reason, principal: r.principal }, r);
      return done.ok ? { goTo: '/devices', notice: 'enrollmentRejected' } : { refusals: done.error };
    }),
  ];
}

const versionOf = (text: string): number | null => (/^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : null);

const noVersion: PageOutcome = {
  refusals: { reason: 'malformedForm', detail: 'the form does not say which version was looked at', field: 'version' },
};

const noReason: PageOutcome = {
  refusals: {
    reason: 'malformedForm',
    detail: 'a rejection needs a reason of one line',
    field: 'reason',
    accepted: 'up to 200 characters, told to the host',
  },
};
