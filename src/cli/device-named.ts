// A host as somebody names it on a command line, by name or id, to the id that the API wants.
import { allItems } from '../client/api.ts';
import { isHostName } from '../domain/names.ts';
import { deviceId } from './device-text.ts';
import { CommandFailure } from './failure.ts';
import { type Service, valueOf } from './service.ts';

/** The id of a host that was named; one that is retired has no name any more. */
export async function deviceNamed(service: Service, host: string): Promise<string> {
  if (!isHostName(host)) return deviceId(host);
  const devices = valueOf(await allItems((page) => service.listDevices(page)));
  const found = devices.find(({ hostName, state }) => hostName === host && state !== 'retired');
  if (found !== undefined) return found.id;
  throw new CommandFailure(`there is no host ${host}`, { hints: ['`omens devices list` shows them'] });
}
