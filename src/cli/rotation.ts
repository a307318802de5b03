// `omens rotation`: how the fleet stands, what is to come, windows pulled to now, and campaigns.
import type { Command } from 'commander';
import { allItems } from '../client/api.ts';
import type { CampaignBody, CampaignResource, ErrorBudget, RenewalPullBody } from '../domain/rotation-wire.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { print } from './output.ts';
import { countOf, pairsOf, type ScopeOptions, scopeOf, secondsOf, withScopeOptions } from './rotation-scope.ts';
import { campaignText, fleetText, forecastText, pullText } from './rotation-text.ts';
import { type Service, valueOf } from './service.ts';
import { ask, type ClientOptions, withClientOptions, withService } from './settings.ts';
import type { World } from './world.ts';

/** Adds the commands. */
export function addRotationCommands(program: Command, world: World): void {
  const rotation = program.command('rotation').description('renewals of the whole fleet');
  addPlanCommand(rotation, world);
  addChangeCommands(rotation, world);
  withClientOptions(
    rotation.command('status [campaign]').description('the fleet, or one campaign by name or id'),
  ).action((name: string | undefined, options: ClientOptions) => status(world, name, options));
  addPullCommand(rotation, world);
  withClientOptions(rotation.command('forecast').description('renewals to come, by day'))
    .option('--days <n>', 'from now', '90')
    .action(async (options: ClientOptions & { readonly days: string }) => {
      const days = countOf('--days', options.days) ?? 90;
      const resource = await ask(world, options, (service) => service.showForecast(days));
      print(world, options, { resource, text: forecastText });
    });
}

type PlanOptions = ClientOptions &
  ScopeOptions & {
    readonly because: string;
    readonly pilot?: readonly string[];
    readonly waveSize?: string;
    readonly maxInFlight?: readonly string[];
    readonly class?: readonly string[];
    readonly errorBudget?: string;
    readonly confirmWithin?: string;
    readonly dryRun?: boolean;
  };

function addPlanCommand(rotation: Command, world: World): void {
  const plan = rotation.command('plan <name>').description('plan a campaign: pilot hosts first, then waves');
  withClientOptions(withScopeOptions(plan))
    .requiredOption('--because <text>', 'shown with each certificate')
    .option('--pilot <host...>', 'hosts that are replaced first; all are confirmed before the first wave')
    .option('--wave-size <n>', 'certificates of a wave; 10')
    .option(
      '--max-in-flight <class=n...>',
      'at most so many of a service class at once; a class is a profile, or by --class',
    )
    .option('--class <profile=class...>', 'the service class of a profile')
    .option('--error-budget <n|p%>', 'so many may fail; one more stops the campaign; 0')
    .option('--confirm-within <duration>', 'later counts as failed; 24h')
    .option('--dry-run', 'print the plan and write nothing')
    .action(async (name: string, options: PlanOptions) => {
      const body = planBody(name, options);
      const resource = await ask(world, options, (service) => service.planCampaign(body));
      print(world, options, { resource, text: campaignText });
      if (options.dryRun === true) world.stderr('omens: a dry run: nothing was written\n');
      else world.stderr(`omens: planned; \`omens rotation start ${name}\` begins it\n`);
    });
}

function planBody(name: string, options: PlanOptions): CampaignBody {
  const { because, pilot: pilots, dryRun } = options;
  const waveSize = countOf('--wave-size', options.waveSize);
  const maxInFlight = pairsOf('--max-in-flight', options.maxInFlight, (text) => countOf('--max-in-flight', text) ?? 1);
  const serviceClasses = pairsOf('--class', options.class, (text) => text);
  const errorBudget = budgetOf(options.errorBudget);
  const confirmWithinSeconds = secondsOf('--confirm-within', options.confirmWithin);
  return {
    ...{ name, because, scope: scopeOf(options) },
    ...(pilots === undefined ? {} : { pilots }),
    ...(waveSize === undefined ? {} : { waveSize }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(serviceClasses === undefined ? {} : { serviceClasses }),
    ...(errorBudget === undefined ? {} : { errorBudget }),
    ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }),
    ...(dryRun === true ? { dryRun } : {}),
  };
}

/** `3` or `5%`. */
function budgetOf(text: string | undefined): ErrorBudget | undefined {
  if (text === undefined) return undefined;
  const [, number, percent] = /^([0-9]{1,5}(?:\.[0-9]{1,3})?)(%?)$/.exec(text) ?? [];
  const value = Number(number);
  if (percent === '%' && value <= 100) return { percent: value };
  if (percent === '' && Number.isInteger(value)) return { count: value };
  throw wrongUsage(
    `--error-budget ${text} is no budget`,
    'accepted: a number of failures such as 3, or a share such as 5%',
  );
}

const changes = {
  start: 'let a planned campaign release its pilots',
  pause: 'keep what is in flight, and release nothing more',
  resume: 'let a paused campaign go on',
} as const;

function addChangeCommands(rotation: Command, world: World): void {
  for (const change of ['start', 'pause', 'resume'] as const)
    withClientOptions(rotation.command(`${change} <campaign>`).description(changes[change])).action(
      async (name: string, options: ClientOptions) => {
        const resource = await withService(world, options, async (service) => {
          const { id } = await campaignNamed(service, name);
          return valueOf(await service.changeCampaign(id, change));
        });
        print(world, options, { resource, text: campaignText });
      },
    );
}

/** By id, or the newest of that name. */
async function campaignNamed(service: Service, name: string): Promise<CampaignResource & { readonly id: string }> {
  const all = valueOf(await allItems<CampaignResource>((query) => service.listCampaigns(query)));
  const found = all.find((campaign) => campaign.id === name) ?? all.find((campaign) => campaign.name === name);
  if (found !== undefined && found.id !== null) return { ...found, id: found.id };
  const names = all.slice(0, 5).map((campaign) => campaign.name);
  throw new CommandFailure(`there is no campaign ${name}`, {
    hints: [names.length === 0 ? 'there is none yet: `omens rotation plan`' : `there are: ${names.join(', ')}`],
  });
}

async function status(world: World, name: string | undefined, options: ClientOptions): Promise<void> {
  if (name === undefined) {
    const fleet = await ask(world, options, (service) => service.showFleet());
    print(world, options, { resource: fleet, text: fleetText });
    return;
  }
  const campaign = await withService(world, options, (service) => campaignNamed(service, name));
  print(world, options, { resource: campaign, text: campaignText });
}

type PullOptions = ClientOptions &
  ScopeOptions & {
    readonly because: string;
    readonly batchSize?: string;
    readonly batchEvery?: string;
    readonly dryRun?: boolean;
  };

function addPullCommand(rotation: Command, world: World): void {
  const pull = rotation.command('pull').description('renew now, in batches, because of an incident or a decision');
  withClientOptions(withScopeOptions(pull))
    .requiredOption('--because <text>', 'shown with each certificate')
    .option('--batch-size <n>', 'certificates that are due together; 100')
    .option('--batch-every <duration>', 'from one batch to the next; 10m')
    .option('--dry-run', 'print the batches and write nothing')
    .action(async (options: PullOptions) => {
      const batchSize = countOf('--batch-size', options.batchSize);
      const batchSeconds = secondsOf('--batch-every', options.batchEvery);
      const body: RenewalPullBody = {
        ...{ scope: scopeOf(options), because: options.because },
        ...(batchSize === undefined ? {} : { batchSize }),
        ...(batchSeconds === undefined ? {} : { batchSeconds }),
        ...(options.dryRun === true ? { dryRun: true } : {}),
      };
      const resource = await ask(world, options, (service) => service.pullRenewals(body));
      print(world, options, { resource, text: pullText });
    });
}
