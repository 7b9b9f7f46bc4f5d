import { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import type { Terminal } from '../terminal.ts'
import { type Act, act, examples } from '../verb.ts'
import { ACTIVITY_EXAMPLES, activity, withActivityOptions } from './activity.ts'
import { BREAK_EXAMPLES, type Break, faultsOf, withFaultOptions } from './break.ts'
import { LIMITS_EXAMPLE, limit, moveClock, playScript, record } from './conditions.ts'
import {
  DEFAULT_DIR,
  dirOption,
  type EmulatorFault,
  type EmulatorStatus,
  needEmulator,
  quoted,
  startEmulator,
  stopEmulator,
} from './emulator.ts'
import { addSaved } from './saved.ts'

interface At {
  readonly dir: string
}

interface Up extends At {
  readonly regions: string
  readonly port: number
  readonly limits?: string
}

/** `holdfast local`: the emulator, and what can be done to its regions. */
export function localCommand(): Command {
  const local = new Command('local')
    .description('run a local Azure of several regions, and break it on purpose')
    .addHelpText(
      'after',
      examples(
        'holdfast local up',
        'eval "$(holdfast local env)"',
        'holdfast local kill eastus2',
        'holdfast local down',
      ),
    )
  addLife(local)
  addRegions(local)
  addFaults(local)
  addConditions(local)
  addSaved((name, description, ...lines) => verbOf(local, name, description, ...lines))
  return local
}

function verbOf(local: Command, name: string, description: string, ...lines: readonly string[]): Command {
  return local
    .command(name)
    .description(description)
    .option('--dir <folder>', 'where the emulator keeps its state', DEFAULT_DIR)
    .addHelpText('after', examples(...lines))
}

function addLife(local: Command): void {
  const again = 'holdfast local up --regions westeurope,northeurope --port 8888'
  verbOf(local, 'up', 'start the emulator and its regions in the background', 'holdfast local up', again)
    .option('--regions <names>', 'regions, by comma', 'eastus2,centralus')
    .option('--port <number>', 'port of the proxy; 0 takes a free one', wholeNumber(0, 65_535), 0)
    .option('--limits <limits>', 'rate limits: azure, none, or a JSON object of them (default: none)')
    .action(act(up))
  verbOf(local, 'down', 'end the emulator; its state stays', 'holdfast local down').action(act(down))
  verbOf(local, 'status', 'regions, faults and the proxy', 'holdfast local status --json').action(
    act<At>(async ({ dir }, io) => show(io, await needEmulator(dir).status())),
  )
  const env = verbOf(
    local,
    'env',
    'print the variables that point a client at the emulator',
    'eval "$(holdfast local env)"',
    'holdfast local env --client vantage-1 --json',
  )
  env
    .option('--client <name>', 'name of the client, for faults that cut it off')
    .option('--custom-cloud', 'also make it a cloud of its own on localhost, reached without the proxy')
    .action(act(printEnv))
}

const TURNS = [
  ['kill', 'end a region at once, as a power cut would'],
  ['stop', 'end a region in its own order'],
  ['start', 'start a region that was ended; all it acknowledged is there'],
] as const

function addRegions(local: Command): void {
  for (const [name, description] of TURNS) {
    verbOf(local, name, description, `holdfast local ${name} eastus2`)
      .argument('<region>', 'a region, as `holdfast local status` names it')
      .action((region: string, options: At, command: Command) =>
        act<At>(({ dir }, io) => turn(io, dir, [name, region]))(options, command),
      )
  }
}

function addFaults(local: Command): void {
  verbOf(
    local,
    'cut',
    'cut the connection between two regions or clients',
    'holdfast local cut eastus2 centralus',
    "holdfast local cut vantage-1 '*'",
  )
    .argument('<one>', 'a region, or a client by the name that `holdfast local env --client` gave it')
    .argument('<other>', 'another, or * for everybody else')
    .action((one: string, other: string, options: At, command: Command) =>
      act<At>(({ dir }, io) => add(io, dir, [{ is: 'cut', between: [one, other] }]))(options, command),
    )
  withFaultOptions(verbOf(local, 'break', 'make a region, sign-in or ARM misbehave', ...BREAK_EXAMPLES)).action(
    (where: string | undefined, options: Break & At, command: Command) =>
      act<Break & At>(async (given, io) => add(io, given.dir, await faultsOf(given.dir, where, given)))(
        options,
        command,
      ),
  )
  verbOf(local, 'heal', 'take all faults away', 'holdfast local heal', 'holdfast local heal eastus2')
    .argument('[where]', 'only the faults of this region or client, signin or arm')
    .action((where: string | undefined, options: At, command: Command) =>
      act<At>(({ dir }, io) => heal(io, dir, where))(options, command),
    )
}

function addConditions(local: Command): void {
  const of = <T extends object>(what: Act<T & At>) => {
    return (first: string | undefined, options: At, command: Command) =>
      act<T & At>((given, io) => what({ ...given, first, place: first }, io))(options as T & At, command)
  }
  withActivityOptions(
    verbOf(local, 'activity', 'what was acknowledged, when and to whom', ...ACTIVITY_EXAMPLES),
  ).action(of(activity))
  verbOf(
    local,
    'record',
    'write down every call from now on, or acknowledged writes only',
    'holdfast local record calls',
  )
    .argument('<what>', 'calls or writes')
    .action(of(record))
  verbOf(local, 'limits', 'put rate limits in force', 'holdfast local limits azure', LIMITS_EXAMPLE)
    .argument('<limits>', 'azure, none, or a JSON object of limits')
    .action(of(limit))
  verbOf(
    local,
    'clock',
    'move the time of the whole emulator',
    'holdfast local clock 14d',
    'holdfast local clock -1h',
    'holdfast local clock 0',
  )
    .argument('<ahead>', 'how far ahead of real time, such as 14d, or behind it, such as -1h')
    // A span that begins with a sign is no option.
    .allowUnknownOption()
    .action(of(moveClock))
  verbOf(local, 'play', 'do the steps of a script at their times', 'holdfast local play storm.yaml')
    .argument('<file>', 'a list of steps in YAML or JSON, under steps')
    .action(of(playScript))
}

const up: Act<Up> = async ({ dir, regions, port, limits }, io) => {
  const names = regions.split(',').map((name) => name.trim())
  const limited = limits === undefined ? {} : { limits }
  const { emulator } = await startEmulator({ dir, regions: names, port, tied: false, ...limited })
  show(io, await emulator.status())
  io.say()
  io.say(`Point a shell at it with:  eval "$(holdfast local env${dirOption(dir)})"`)
}

const down: Act<At> = async ({ dir }, io) => {
  const was = await stopEmulator(dir)
  io.say(was ? 'The emulator has ended. Its state is kept.' : `No emulator runs on ${dir}.`)
  io.facts({ ended: was })
}

const printEnv: Act<At & { readonly client?: string; readonly customCloud?: boolean }> = async (
  { dir, client, customCloud },
  io,
) => {
  const emulator = needEmulator(dir)
  const { ca } = await emulator.status()
  const all = { ...(await emulator.env(client, customCloud)), HOLDFAST_LOCAL: '1', HOLDFAST_LOCAL_CA: ca }
  for (const [name, value] of Object.entries(all)) io.say(`export ${name}=${quoted(value, true)}`)
  io.facts(all)
}

async function turn(
  io: Terminal,
  dir: string,
  [how, region]: readonly ['kill' | 'stop' | 'start', string],
): Promise<void> {
  show(io, await needEmulator(dir).region(region, how))
}

async function add(io: Terminal, dir: string, faults: readonly EmulatorFault[]): Promise<void> {
  const emulator = needEmulator(dir)
  await emulator.setFaults([...(await emulator.faults()), ...faults])
  show(io, await emulator.status())
}

async function heal(io: Terminal, dir: string, where: string | undefined): Promise<void> {
  const emulator = needEmulator(dir)
  const faults = await emulator.faults()
  const kept = where === undefined ? [] : faults.filter((fault) => !namesOf(fault).includes(where))
  await emulator.setFaults(kept)
  show(io, await emulator.status())
  if (kept.length === faults.length) io.say(where === undefined ? 'There was no fault.' : `No fault names ${where}.`)
}

function namesOf(fault: EmulatorFault): readonly string[] {
  const between = fault['between']
  return Array.isArray(between) ? between : [String(fault['at'])]
}

function show(io: Terminal, status: EmulatorStatus): void {
  io.facts(status)
  const colour = (state: string) => io.paint(state === 'running' ? 'green' : 'red', state)
  io.say(
    io.table(
      ['REGION', 'STATE', 'PROCESS'],
      status.regions.map(({ name, state, pid }) => [name, colour(state), String(pid ?? '–')]),
    ),
  )
  io.say()
  io.say(`Proxy   ${status.proxy}`)
  io.say(`Cloud   ${status.cloud}`)
  for (const fault of status.faults) io.say(`Fault   ${io.paint('yellow', sentenceOf(fault))}`)
}

function sentenceOf(fault: EmulatorFault): string {
  const more = Object.entries(fault).filter(([name]) => !['is', 'at', 'between', 'id'].includes(name))
  const where = fault.is === 'cut' ? namesOf(fault).join(' ✂ ') : `${fault.is} at ${String(fault['at'])}`
  return [where, ...more.map(([name, value]) => `${name} ${String(value)}`)].join(', ')
}
