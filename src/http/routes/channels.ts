// Routes of the channels that warnings go to: how they stand, and whether they work.
import type { ChannelServices } from '../channel-services.ts';
import { answered, found } from '../reply.ts';
import { type Route, route } from '../route.ts';

/** `/v1/channels…` */
export const channelRoutes = (services: ChannelServices): readonly Route[] => [
  route('GET', '/v1/channels', { takes: ['viewer'] }, async () => found(await services.listChannels())),
  route('POST', '/v1/channels/{name}/test', { takes: ['admin'] }, async (r) =>
    answered(await services.testChannel(r.params.name, r.principal, r), found),
  ),
];
