// What the HTTP edge needs of the channels that warnings go to.
import type { Principal } from '../domain/principal.ts';
import type { ChannelPage, ChannelTestResource } from '../domain/warning-wire.ts';

export type ChannelServices = {
  readonly listChannels: () => Promise<ChannelPage>;
  /** Null when there is no such channel. */
  readonly testChannel: (
    name: string,
    principal: Extract<Principal, { readonly kind: 'operator' }>,
    context: { readonly now: Date },
  ) => Promise<ChannelTestResource | null>;
};
