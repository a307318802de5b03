// Counts what a client says to PostgreSQL: a loopback relay that reads the frontend messages of the protocol (PostgreSQL
// documentation, "Message Formats") as they pass, and changes nothing.
import { connect, createServer, type Socket } from 'node:net';

/** `messages` are counted by their type octet; `roundTrips` are those that the server answers with ReadyForQuery. */
export type MessageCounter = {
  /** A URL of the same database that passes through the relay. */
  readonly databaseUrl: string;
  readonly reset: () => void;
  readonly counts: () => Readonly<Record<string, number>>;
  readonly close: () => Promise<void>;
};

const names: Readonly<Record<string, string>> = {
  P: 'Parse',
  B: 'Bind',
  D: 'Describe',
  E: 'Execute',
  S: 'Sync',
  Q: 'Query',
  C: 'Close',
  H: 'Flush',
  X: 'Terminate',
  p: 'Password',
};

/** Starts the relay on a free port of 127.0.0.1. */
export async function countMessages(databaseUrl: string): Promise<MessageCounter> {
  const target = targetOf(databaseUrl);
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const server = target.path === null ? connect(target.port, target.host) : connect(target.path);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
      socket.setNoDelay(true);
    }
    const count = messageReader((type) => counts.set(type, (counts.get(type) ?? 0) + 1));
    client.on('data', count);
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const address = relay.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    databaseUrl: target.through(port),
    reset: () => counts.clear(),
    counts: () => Object.fromEntries([...counts].map(([type, count]) => [names[type] ?? type, count])),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => relay.close(() => resolve()));
    },
  };
}

/** The first message of a connection has no type octet. */
function messageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const lengthAt = isStarted ? 1 : 0;
      if (rest.length < lengthAt + 4) return;
      const end = lengthAt + rest.readUInt32BE(lengthAt);
      if (rest.length < end) return;
      if (isStarted) onMessage(String.fromCharCode(rest[0] ?? 0));
      isStarted = true;
      rest = rest.subarray(end);
    }
  };
}

function targetOf(databaseUrl: string) {
  const url = new URL(databaseUrl);
  const directory = url.searchParams.get('host');
  const isSocket = directory?.startsWith('/') === true;
  const port = Number(url.searchParams.get('port') ?? (url.port || 5432));
  const through = (relayPort: number): string => {
    const changed = new URL(databaseUrl.replace(/@\//, '@127.0.0.1/'));
    changed.searchParams.delete('host');
    changed.searchParams.delete('port');
    changed.hostname = '127.0.0.1';
    changed.port = String(relayPort);
    return changed.toString();
  };
  return { path: isSocket ? `${directory}/.s.PGSQL.${port}` : null, host: url.hostname, port, through };
}
