// Syslog: RFC 5424 over UDP or TCP, and the socket of this machine by way of `logger`. One line an item. Nothing of it is
// ever acknowledged: accepted means that it left.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { type SettingsOf, syslogFacilities } from '../domain/channel-settings.ts';
import type { Message, SendOutcome } from '../domain/message.ts';
import { oneLine, printable } from '../domain/printable.ts';
import { type Entry, sendByLogger } from './logger-program.ts';
import { cut, lineOf } from './message-text.ts';
import { type ChannelPorts, laterOutcome, type Transport } from './transport.ts';

export function syslogTransport({ address, facility }: SettingsOf<'syslog'>, ports: ChannelPorts): Transport {
  const { deadlineMilliseconds: deadline, hostName } = ports;
  const entriesOf = (message: Message): readonly Entry[] => entries(message, syslogFacilities[facility]);
  if (address.transport === 'unix') {
    const { path } = address;
    const send = (message: Message): Promise<SendOutcome> =>
      sendByLogger({ path, entries: entriesOf(message), deadline });
    return { destination: path, secrets: [], send };
  }
  const { transport, host, port } = address;
  const destination = `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    destination,
    secrets: [],
    send: async (message) => {
      const lines = entriesOf(message).map((entry) => Buffer.from(rfc5424(entry, { message, hostName })));
      const target = { host, port, deadline };
      return transport === 'udp' ? sendByUdp(lines, target) : sendByTcp(lines, target);
    },
  };
}

const severities = { critical: 2, warning: 4, info: 6 } as const;

/** Longest text of a line in octets: what RFC 5424 §6.1 says every receiver should take, less the header. */
const maxText = 1800;

function entries(message: Message, facility: number): readonly Entry[] {
  const { kind, items, total, level, title, id } = message;
  const entry = (of: keyof typeof severities, text: string): Entry => ({
    priority: facility * 8 + (kind === 'wellAgain' ? severities.info : severities[of]),
    text: `${cut(oneLine(text, maxText), maxText)} [message ${id}]`,
  });
  if (items.length === 0) return [entry(level, title)];
  const left = total - items.length;
  const rest = left > 0 ? [entry(level, `and ${left} more`)] : [];
  return [...items.map((item) => entry(item.level, lineOf(kind, item))), ...rest];
}

/** RFC 5424 without structured data, whose names are for those who have a number of IANA. */
const rfc5424 = (
  { priority, text }: Entry,
  { message, hostName }: { readonly message: Message; readonly hostName: string },
): string => {
  const host = printable(hostName, 255).replaceAll(' ', '-') || '-';
  return `<${priority}>1 ${message.at} ${host} omens ${process.pid} ${message.kind} - ${text}`;
};

type Target = { readonly host: string; readonly port: number; readonly deadline: number };

/** A host that has nobody at the port says so within this time, if it says anything. */
const udpRefusalMilliseconds = 200;

async function sendByUdp(lines: readonly Buffer[], { host, port, deadline }: Target): Promise<SendOutcome> {
  const found = await within(deadline, lookup(host));
  if (found === null) return laterOutcome(`${host} was not found within ${deadline / 1000} s`);
  const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.connect(port, found.address, () => {
        for (const line of lines) socket.send(line);
        setTimeout(resolve, udpRefusalMilliseconds, { accepted: true });
      });
    });
  } finally {
    socket.close();
  }
}

/** The peer has everything and may take this long to say goodbye. */
const tcpGoodbyeMilliseconds = 2000;

/** Octet counting of RFC 6587 §3.4.1: a line feed in a text would not begin a line. */
function sendByTcp(lines: readonly Buffer[], { host, port, deadline }: Target): Promise<SendOutcome> {
  const frames = Buffer.concat(lines.flatMap((line) => [Buffer.from(`${line.length} `), line]));
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let goodbye: NodeJS.Timeout | undefined;
    const end = (outcome: SendOutcome): void => {
      clearTimeout(timer);
      clearTimeout(goodbye);
      socket.destroy();
      resolve(outcome);
    };
    const fail = (detail: string): void => {
      end(laterOutcome(detail, { isUnsure: socket.bytesWritten > 0 }));
    };
    const timer = setTimeout(() => {
      fail(`it was not taken within ${deadline / 1000} s`);
    }, deadline);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.message || (error.code ?? 'the connection failed'));
    });
    socket.on('finish', () => {
      goodbye = setTimeout(end, tcpGoodbyeMilliseconds, { accepted: true });
    });
    socket.on('close', () => {
      end({ accepted: true });
    });
    socket.resume();
    socket.end(frames);
  });
}

/** Null when it takes longer. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, milliseconds, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
