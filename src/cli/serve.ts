// `omens serve`: runs the server until it is told to stop. The server is loaded only when this runs.
import type { Command } from 'commander';
import type { World } from './world.ts';

/** Adds the command. */
export function addServeCommand(program: Command, world: World): void {
  program
    .command('serve')
    .description('the server: HTTPS, scheduler, CRLs; SIGTERM and SIGINT end it')
    .option('--config <file>', 'omens.yaml (OMENS_CONFIG)')
    .action(async ({ config }: { readonly config?: string }) => {
      const stopping = world.untilToldToStop();
      const { serve } = await import('../main.ts');
      const server = await serve({ ...(config === undefined ? {} : { configFile: config }), env: world.env });
      world.stdout(`omens: serving ${server.url}\n`);
      await stopping;
      world.stderr('omens: stopping\n');
      await server.stop();
    });
}
