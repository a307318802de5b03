// The way from a host to the service, with what ways do: down with the server, requests and replies lost, requests that
// arrive twice. Also what TLS does about a clock that is wrong. One honest fake of `KeepServer`.
import type { Dice } from '../hostile/dice.ts';
import { type KeepAnswer, type KeepServer, Trouble } from '../../src/agent/keep-ports.ts';
import type {
  ConfirmationBody,
  HostReportAnswer,
  HostReportBody,
  LineageResource,
  RenewalAnswer,
} from '../../src/domain/lineage-wire.ts';
import { day, minute } from './schedule.ts';

/** The service as its HTTP edge would be asked, by a host that it has authenticated. `now` is the server's clock. */
export type Service = {
  readonly newNonce: (now: Date) => string;
  readonly report: (deviceId: string, body: HostReportBody, now: Date) => Promise<KeepAnswer<HostReportAnswer>>;
  readonly renew: (
    deviceId: string,
    request: { readonly lineage: string; readonly bodyText: string; readonly nonce: string },
    now: Date,
  ) => Promise<KeepAnswer<RenewalAnswer>>;
  readonly confirm: (
    deviceId: string,
    confirmation: { readonly certificate: string; readonly body: ConfirmationBody; readonly nonce: string },
    now: Date,
  ) => Promise<KeepAnswer<LineageResource>>;
};

/** Of 1000 exchanges. */
export type Losses = { readonly requests: number; readonly replies: number; readonly twice: number };

export type NetworkPorts = {
  readonly service: Service;
  readonly dice: Dice;
  readonly losses: Losses;
  readonly isServerUp: () => boolean;
  /** Milliseconds. */
  readonly now: () => number;
  /** The clock of the host. */
  readonly hostNow: () => number;
  /** Each attempt to reach the server, for the count. */
  readonly onCall: () => void;
  /** Throws when the process of the host is dead. */
  readonly alive: () => void;
  /** The same request again was answered otherwise. */
  readonly onDifference: (what: string) => void;
};

/** The server renews its own certificate of seven days at half life. */
const tlsLifetime = 7 * day;

/** Connects, or says why not; nothing was sent before. */
export async function connect(ports: NetworkPorts, deviceId: string): Promise<KeepServer> {
  ports.alive();
  ports.onCall();
  if (!ports.isServerUp()) throw lost('connection refused');
  const notBefore = Math.floor(ports.now() / (tlsLifetime / 2)) * (tlsLifetime / 2) - minute;
  if (ports.hostNow() < notBefore || ports.hostNow() > notBefore + tlsLifetime) {
    const behind = Math.round((ports.now() - ports.hostNow()) / 1000);
    throw new Trouble('clockDiffers', `the server's clock is ${behind} s ahead of this host's`, { pace: 'clock' });
  }
  return serverOf(ports, deviceId);
}

const lost = (why: string): Trouble => new Trouble('serverUnreachable', why);

function serverOf(ports: NetworkPorts, deviceId: string): KeepServer {
  const { service } = ports;
  const now = (): Date => new Date(ports.now());
  const exchange = async <T>(
    send: () => Promise<KeepAnswer<T>>,
    isSame: ((a: T, b: T) => boolean) | null,
  ): Promise<KeepAnswer<T>> => {
    ports.alive();
    ports.onCall();
    const roll = ports.dice.roll(1000);
    const { requests, replies, twice } = ports.losses;
    if (roll < requests) throw lost('the request was lost');
    const answer = await send();
    if (roll < requests + replies) throw lost('the reply was lost');
    if (isSame !== null && roll < requests + replies + twice) {
      const again = await send();
      if (answer.ok && !(again.ok && isSame(answer.value, again.value))) ports.onDifference(JSON.stringify(again));
    }
    return answer;
  };
  return {
    newNonce: async () => {
      ports.alive();
      return service.newNonce(now());
    },
    report: (body) => exchange(() => service.report(deviceId, body, now()), null),
    renew: (request) =>
      exchange(
        () => service.renew(deviceId, request, now()),
        (a, b) => a.certificate.certificate === b.certificate.certificate,
      ),
    confirm: (confirmation) => exchange(() => service.confirm(deviceId, confirmation, now()), null),
    close: () => undefined,
  };
}
