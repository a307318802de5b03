// Alarms that are told as events: once, by name, unless a warning tells them.
import { describe, expect, test } from '@jest/globals';
import { type AlarmEvent, composeEvents } from '../../../src/domain/events.ts';

const now = new Date('2027-01-01T12:00:00Z');
const alarm = (id: number, facts: object, seconds = 60): AlarmEvent => ({
  ...{ id, key: `key-${id}`, at: new Date(now.getTime() - seconds * 1000), facts: { ...facts } },
});
const channels = [
  { name: 'all', level: 'warning' as const },
  { name: 'page', level: 'critical' as const },
];
const composed = (events: readonly AlarmEvent[], recent: readonly string[] = []) =>
  composeEvents({ events, recent }, { channels, now, url: null });

describe('alarms', () => {
  test('that a warning tells are only marked, and those of long ago as well', () => {
    const events = [alarm(1, { event: 'host.finding' }), alarm(2, { event: 'renewal.replayed' }, 31 * 86_400)];
    expect(composed(events)).toEqual({ concluded: [1, 2], messages: [] });
  });

  test('of one name are one message; what is critical goes to channels for that too', () => {
    const held = { kind: 'nameHeldByAnotherTpm', hostName: 'web-1', detail: 'another TPM claims the name web-1' };
    const { concluded, messages } = composed([alarm(1, held), alarm(2, held), alarm(3, { event: 'renewal.replayed' })]);
    expect(concluded).toEqual([1, 2, 3]);
    expect(messages.map(({ channel, text }) => `${channel}: ${text.title}`)).toEqual([
      'all: critical: 2 times: another TPM claims the name of a host',
      'page: critical: 2 times: another TPM claims the name of a host',
      'all: warning: key-3: a renewal was sent again after its nonce was spent',
    ]);
    expect(messages[0]?.text.items[0]).toMatchObject({
      ...{ warning: null, name: 'web-1', condition: 'enrollment.nameHeldByAnotherTpm' },
      reason: 'another TPM claims the name of a host: another TPM claims the name web-1',
    });
  });

  test('of one who raises many hide none of another', () => {
    const refused = (id: number, principal: string) => alarm(id, { event: 'renewal.refused', principal });
    const events = [...Array.from({ length: 60 }, (_, at) => refused(at, 'device:1')), refused(60, 'device:2')];
    const items = composed(events).messages[0]?.text.items ?? [];
    expect([items[1]?.name, items.length]).toEqual(['device:2', 50]);
  });

  test('of a clock far ahead do not wait for their day', () => {
    expect(composed([alarm(1, { event: 'renewal.replayed' }, -86_400)]).concluded).toEqual([1]);
    expect(composed([alarm(1, { event: 'renewal.replayed' }, -10)]).concluded).toEqual([]);
  });

  test('wait for others of their name, and for five minutes after the last message of it', () => {
    expect(composed([alarm(1, { event: 'renewal.replayed' }, 14)])).toEqual({ concluded: [], messages: [] });
    expect(composed([alarm(1, { event: 'renewal.replayed' })], ['event:renewal.replayed'])).toEqual({
      ...{ concluded: [], messages: [] },
    });
  });

  test('that nobody described are told by their name, with the reason of the first refusal', () => {
    const [message] = composed([alarm(1, { event: 'new.kind', refusals: [{ detail: 'why' }] })]).messages;
    expect(message?.text).toMatchObject({ title: 'warning: key-1: new.kind', items: [{ reason: 'new.kind: why' }] });
  });
});
