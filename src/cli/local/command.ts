import { Command, Option } from 'commander'
import { Fault } from '../../core/errors.ts'
import type { Terminal } from '../terminal.ts'
import { type Act, act, examples } from '../verb.ts'
import {
  DEFAULT_DIR,
  type EmulatorFault,
  type EmulatorStatus,
  needEmulator,
  startEmulator,
  stopEmulator,
} from './emulator.ts'

interface At {
  readonly dir: string
}

const PLANES = ['arm', 'history', 'mlflow', 'blob', 'signin'] as const

/** `holdfast local`: the emulator, and what can be done to its regions. */
export function localCommand(): Command {
  const local = new Command('local').description('run a local Azure of several regions, and break it on purpose')
  const verb = (name: string, description: string): Command =>
    local
      .command(name)
      .description(description)
      .option('--dir <folder>', 'where the emulator keeps its state', DEFAULT_DIR)

  verb('up', 'start the emulator and its regions in the background')
    .option('--regions <names>', 'regions, by comma', 'eastus2,centralus')
    .option('--port <number>', 'port of the proxy; 0 takes a free one', '0')
    .addHelpText(
      'after',
      examples('holdfast local up', 'holdfast local up --regions westeurope,northeurope --port 8888'),
    )
    .action(act(up))
  verb('down', 'end the emulator; its state stays').action(act(down))
  verb('status', 'regions, faults and the proxy').action(
    act<At>(async ({ dir }, io) => show(io, await needEmulator(dir).status())),
  )
  verb('env', 'print the variables that point a client at the emulator')
    .option('--client <name>', 'name of the client, for faults that cut it off')
    .addHelpText('after', examples('eval "$(holdfast local env)"', 'holdfast local env --client vantage-1 --json'))
    .action(act(env))
  for (const [name, description] of [
    ['kill', 'end a region at once, as a power cut would'],
    ['stop', 'end a region in its own order'],
    ['start', 'start a region that was ended; all it acknowledged is there'],
  ] as const) {
    verb(name, description)
      .argument('<region>')
      .action((region: string, options: At, command: Command) =>
        act<At>(({ dir }, io) => turn(io, dir, [name, region]))(options, command),
      )
  }
  verb('cut', 'cut the connection between two regions or clients')
    .argument('<one>')
    .argument('<other>', 'a name, or * for everybody else')
    .addHelpText('after', examples('holdfast local cut eastus2 centralus', "holdfast local cut vantage-1 '*'"))
    .action((one: string, other: string, options: At, command: Command) =>
      act<At>(({ dir }, io) => add(io, dir, { is: 'cut', between: [one, other] }))(options, command),
    )
  verb('break', 'make a region, sign-in or ARM misbehave')
    .argument('<where>', 'a region, signin or arm')
    .addOption(
      new Option('--how <fault>', 'what happens').choices(['down', 'hang', 'slow', 'throttle']).makeOptionMandatory(),
    )
    .addOption(new Option('--plane <plane>', 'only this face of the region').choices(PLANES))
    .option('--milliseconds <n>', 'for slow: how long each request waits', '1000')
    .option('--retry-after <seconds>', 'for throttle: what Retry-After says', '5')
    .addHelpText('after', examples('holdfast local break eastus2 --how hang', 'holdfast local break signin --how down'))
    .action((where: string, options: Break, command: Command) =>
      act<Break>((given, io) => add(io, given.dir, faultOf(where, given)))(options, command),
    )
  verb('heal', 'take all faults away')
    .argument('[where]', 'only those of this region, client, signin or arm')
    .action((where: string | undefined, options: At, command: Command) =>
      act<At>(({ dir }, io) => heal(io, dir, where))(options, command),
    )
  return local
}

interface Break extends At {
  readonly how: string
  readonly plane?: string
  readonly milliseconds: string
  readonly retryAfter: string
}

const up: Act<At & { readonly regions: string; readonly port: string }> = async ({ dir, regions, port }, io) => {
  const { emulator } = await startEmulator({ dir, regions: regions.split(','), port: Number(port), tied: false })
  show(io, await emulator.status())
  io.say()
  io.say('Point a shell at it with:  eval "$(holdfast local env)"')
}

const down: Act<At> = async ({ dir }, io) => {
  const was = await stopEmulator(dir)
  io.say(was ? 'The emulator has ended. Its state is kept.' : `No emulator runs on ${dir}.`)
  io.facts({ ended: was })
}

const env: Act<At & { readonly client?: string }> = async ({ dir, client }, io) => {
  const emulator = needEmulator(dir)
  const { ca } = await emulator.status()
  const all = { ...(await emulator.env(client)), HOLDFAST_LOCAL: '1', HOLDFAST_LOCAL_CA: ca }
  for (const [name, value] of Object.entries(all)) io.say(`export ${name}='${value}'`)
  io.facts(all)
}

async function turn(
  io: Terminal,
  dir: string,
  [how, region]: readonly ['kill' | 'stop' | 'start', string],
): Promise<void> {
  show(io, await needEmulator(dir).region(region, how))
}

async function add(io: Terminal, dir: string, fault: EmulatorFault): Promise<void> {
  const emulator = needEmulator(dir)
  await emulator.setFaults([...(await emulator.faults()), fault])
  show(io, await emulator.status())
}

async function heal(io: Terminal, dir: string, where: string | undefined): Promise<void> {
  const emulator = needEmulator(dir)
  const kept = where === undefined ? [] : (await emulator.faults()).filter((fault) => !namesOf(fault).includes(where))
  await emulator.setFaults(kept)
  show(io, await emulator.status())
}

function faultOf(where: string, { how, plane, milliseconds, retryAfter }: Break): EmulatorFault {
  const at = plane === undefined ? { at: where } : { at: where, plane }
  if (how === 'slow') return { is: how, ...at, milliseconds: numberOf('--milliseconds', milliseconds) }
  if (how === 'throttle') return { is: how, ...at, retryAfterSeconds: numberOf('--retry-after', retryAfter) }
  return { is: how, ...at }
}

function numberOf(flag: string, value: string): number {
  const number = Number(value)
  if (Number.isFinite(number) && number >= 0) return number
  throw new Fault('usage/bad-argument', `${flag} is “${value}”, not a number of 0 or more`, {
    hint: `Give ${flag} a number.`,
  })
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
  for (const fault of status.faults) io.say(`Fault   ${io.paint('yellow', sentenceOf(fault))}`)
}

function sentenceOf(fault: EmulatorFault): string {
  const more = Object.entries(fault).filter(([name]) => !['is', 'at', 'between'].includes(name))
  const where = fault.is === 'cut' ? namesOf(fault).join(' ✂ ') : `${fault.is} at ${String(fault['at'])}`
  return [where, ...more.map(([name, value]) => `${name} ${String(value)}`)].join(', ')
}
