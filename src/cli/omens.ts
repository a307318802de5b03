#!/usr/bin/env node
// The executable: gives the real streams, clock and network to the command line, and its exit code to the shell.
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './program.ts';
import { openService } from './service.ts';
import type { World } from './world.ts';

const world: World = {
  stdout: (line) => void process.stdout.write(line),
  stderr: (line) => void process.stderr.write(line),
  readStdin: () => text(process.stdin),
  isTerminal: process.stderr.isTTY,
  isColorful: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  env: process.env,
  uid: process.getuid?.() ?? 0,
  now: () => new Date(),
  sleep: (milliseconds) => sleep(milliseconds),
  openService: (settings) => openService(settings, world),
  untilToldToStop: () =>
    new Promise((resolve) => {
      process.once('SIGTERM', () => resolve());
      process.once('SIGINT', () => resolve());
      process.on('SIGHUP', () => undefined);
    }),
};

// A reader that went away (`omens certs list | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exitCode = error.code === 'EPIPE' ? 0 : 1;
});

process.exitCode = await run(process.argv.slice(2), world);
