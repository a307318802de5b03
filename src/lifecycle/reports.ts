// The reports of issuance, rotation and devices: what the store counted, put into the resources of the API.
import { type Cursor, pageOf } from '../domain/cursor.ts';
import type { DeviceState } from '../domain/device.ts';
import type {
  DeviceReportItem,
  DevicesReport,
  ExpirySummary,
  IssuanceCounts,
  IssuanceReport,
  RotationReport,
} from '../domain/report-wire.ts';
import type { FleetResource, ForecastResource } from '../domain/rotation-wire.ts';
import { wireTime } from '../domain/wire.ts';

export type IssuancePorts = {
  readonly issuanceCounts: (
    from: Date,
    to: Date,
  ) => Promise<readonly (IssuanceCounts & { readonly profile: string })[]>;
  readonly issuancePrincipals: (from: Date, to: Date, limit: number) => Promise<IssuanceReport['principals']>;
};

const mostPrincipals = 10;

/** What was issued within so many seconds before now. */
export const issuanceReport =
  (ports: IssuancePorts) =>
  async (withinSeconds: number, now: Date): Promise<IssuanceReport> => {
    const from = new Date(now.getTime() - withinSeconds * 1000);
    const [profiles, principals] = await Promise.all([
      ports.issuanceCounts(from, now),
      ports.issuancePrincipals(from, now, mostPrincipals),
    ]);
    const sum = (of: keyof IssuanceCounts): number => profiles.reduce((total, profile) => total + profile[of], 0);
    const totals = { issued: sum('issued'), refused: sum('refused'), revoked: sum('revoked') };
    const issuedPerHour = Math.round((totals.issued / withinSeconds) * 3600 * 100) / 100;
    return { generatedAt: wireTime(now), from: wireTime(from), totals, issuedPerHour, profiles, principals };
  };

export type RotationPorts = {
  readonly showFleet: (now: Date) => Promise<FleetResource>;
  readonly showForecast: (days: number, now: Date) => Promise<ForecastResource>;
};

const forecastDays = 7;

/** How rotation stands, and what it has to do in the next seven days. */
export const rotationReport =
  (ports: RotationPorts) =>
  async (now: Date): Promise<RotationReport> => {
    const [fleet, forecast] = await Promise.all([ports.showFleet(now), ports.showForecast(forecastDays, now)]);
    const { generatedAt, states, profiles, late, campaigns } = fleet;
    return {
      ...{ generatedAt, states, profiles, late },
      campaigns: campaigns.map(({ id, name, state, members }) => ({ id, name, state, members })),
      forecast: forecast.items,
    };
  };

/** A device as the store finds it. */
export type DeviceStanding = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly endorsementNotAfter: Date | null;
  readonly certificates: ExpirySummary;
  readonly nearestNotAfter: Date | null;
  readonly trustGeneration: number | null;
  readonly openWarnings: DeviceReportItem['openWarnings'];
};

export type DevicesPorts = {
  readonly deviceStandings: (after: Cursor | null, limit: number, now: Date) => Promise<readonly DeviceStanding[]>;
};

/** A page of devices, the newest first. */
export const devicesReport =
  (ports: DevicesPorts) =>
  async (
    { after, limit }: { readonly after: Cursor | null; readonly limit: number },
    now: Date,
  ): Promise<{ readonly report: Omit<DevicesReport, 'next'>; readonly next: Cursor | null }> => {
    const { page, last } = pageOf(await ports.deviceStandings(after, limit + 1, now), limit);
    return {
      report: { generatedAt: wireTime(now), items: page.map(deviceItem) },
      next: last === null ? null : { at: last.createdAt, id: last.id },
    };
  };

const timeOrNull = (at: Date | null): string | null => (at === null ? null : wireTime(at));

function deviceItem(device: DeviceStanding): DeviceReportItem {
  const { id, hostName, state, certificates, trustGeneration, openWarnings, manufacturer, model } = device;
  return {
    ...{ id, hostName, state, lastSeenAt: wireTime(device.lastSeenAt), certificates, trustGeneration, openWarnings },
    tpm: { manufacturer, model, endorsementNotAfter: timeOrNull(device.endorsementNotAfter) },
    nearestNotAfter: timeOrNull(device.nearestNotAfter),
  };
}
