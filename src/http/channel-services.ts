// What the HTTP edge needs of the channels that warnings go to.
import type { Principal } from '../domain/principal.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { ChannelPage, ChannelTestResource } from '../domain/warning-wire.ts';

export type ChannelServices = {
  readonly listChannels: () => Promise<ChannelPage>;
  readonly testChannel: (
    name: string,
    principal: Extract<Principal, { readonly kind: 'operator' }>,
    context: { readonly now: Date },
  ) => Promise<Result<ChannelTestResource, Refusal>>;
};
