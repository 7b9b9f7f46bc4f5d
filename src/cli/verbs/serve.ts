import { randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { isSigned } from '../../api/signed.ts'
import { type ControllerOptions, type Event, runController } from '../../controller/controller.ts'
import type { Side } from '../../core/model.ts'
import { locationOfSide, nameOfSide } from '../../core/policy.ts'
import { placeConfig } from '../../engine/pointer.ts'
import { rolesOf } from '../../engine/roles.ts'
import { processClock } from '../../engine/time.ts'
import { type HostPort, hostPort, milliseconds } from '../arguments.ts'
import type { Composed } from '../compose/compose.ts'
import { failingOf } from '../compose/failing.ts'
import { sharedKey } from '../key.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { lookHere } from '../seeing.ts'
import { demandMayServe, demandPace, PACE, type Pace, sideAround } from '../serving/may-serve.ts'
import { metricsOf } from '../serving/metrics.ts'
import { type Witnessed, witnessing } from '../serving/witnessed.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { endLine, isAtLeast, LEVELS, type Level, levelOf, lineOf, plainEvent } from './serve-lines.ts'

interface Options extends Protected, Pace {
  readonly listen?: HostPort
  readonly region?: string
  readonly level: Level
}

/** How long a side is tried once more that no vantage point has an answer from. */
const SILENT_SIDE_MILLISECONDS = 1000
/** How many calls long one is that answered, for what it still gives or takes. */
const LOST_SIDE_CALLS = 2

/** `holdfast serve`: the controller. */
export function serveVerb(): Command {
  return protectedVerb('serve', 'follow, watch, decide and fail over, until it is ended')
    .option(
      '--listen <host:port>',
      'answer /health, /health/live, /health/ready, /metrics, /active and /status over HTTP there',
      hostPort,
    )
    .option('--region <name>', 'the region that this process runs in, if it is one of Azure’s')
    .option(
      '--lease <milliseconds>',
      'how long a dead controller keeps the next one waiting',
      milliseconds(1000),
      PACE.lease,
    )
    .option('--call <milliseconds>', 'longest that one call to Azure may take', milliseconds(100), PACE.call)
    .option('--tick <milliseconds>', 'time between two looks at the vantage points', milliseconds(50), PACE.tick)
    .addOption(new Option('--level <level>', 'least level of the lines under --json').choices(LEVELS).default('info'))
    .addHelpText(
      'after',
      examples('holdfast serve', 'holdfast serve --listen 127.0.0.1:7400', 'holdfast serve --json >> holdfast.log'),
    )
    .action(
      act<Options>((options, io) => {
        io.log(endLine)
        return within({ ...options, requestMilliseconds: options.call }, io, async (joined, signal) => {
          demandPace(options, joined.policy)
          const inside = await sideAround(options.region, joined, signal)
          demandMayServe(joined.policy, inside)
          const points = joined.policy.failover.vantagePoints.length
          const witnessed = witnessing({ patience: options.tick * 5 + 10_000, points, now: processClock })
          const standsBy = standingBy(io)
          const told = (event: Event) => {
            witnessed.take(event)
            log(io, event, options.level)
            standsBy(event)
          }
          const { listen } = options
          const server = listen === undefined ? undefined : await listening(joined, listen, witnessed)
          try {
            if (server !== undefined) io.say(`answers on ${server.url}`)
            await runController(controllerOptions(joined, { ...options, inside }, told), signal)
          } finally {
            await server?.close()
          }
        })
      }),
    )
}

/** A line for people, and under `--json` one of JSON with its level. */
function log(io: Terminal, event: Event, least: Level): void {
  if (isAtLeast(levelOf(event), least)) io.event(plainEvent(event))
  const line = lineOf(event)
  if (line !== undefined) say(io, line)
}

/** Says whose the lease is where it is another's: once, and again when it has changed. */
function standingBy(io: Terminal): (event: Event) => void {
  let known: string | undefined
  return (event) => {
    const holder = event.is === 'held' ? event.holder : event.is === 'lease' ? undefined : known
    if (holder !== undefined && holder !== known) say(io, `stands by: the lease is that of ${holder}`)
    known = holder
  }
}

function say(io: Terminal, line: string): void {
  io.say(`${io.paint('dim', new Date().toISOString())}  ${line}`)
}

async function listening(joined: Composed, listen: HostPort, witnessed: Witnessed) {
  const { policy, parts } = joined
  const health = () => ({ ok: witnessed.live(), sentence: witnessed.seen.sentence })
  const { controllerServer } = await import('../../api/controller-server.ts')
  const server = controllerServer({
    health,
    unready: witnessed.unready,
    metrics: () => metricsOf(joined, witnessed.seen),
    active: async () => {
      const { active, epoch } = await rolesOf(parts)
      return { ...placeConfig(nameOfSide(policy[active])), side: active, epoch }
    },
    status: async () => ({
      protection: policy.name,
      ...(await rolesOf(parts)),
      lastPass: (await parts.store.fact(parts.protection, 'synced')) ?? null,
      ...health(),
    }),
  })
  const url = await server.listen(listen)
  return { url, close: () => server.close() }
}

export function controllerOptions(
  joined: Composed,
  options: Pace & { readonly inside: Side | undefined },
  told: ControllerOptions['told'],
): ControllerOptions {
  const { policy, parts, carrying, holder, dir } = joined
  const key = sharedKey(dir)
  const callMilliseconds = options.call
  const lookMilliseconds = Math.min(3000, callMilliseconds)
  return {
    parts,
    policy,
    carrying,
    holder,
    planes: joined.estate.planes,
    points: {
      protection: policy.name,
      points: policy.failover.vantagePoints,
      verify: (body, signature) => isSigned(body, signature, key),
      timeoutMilliseconds: Math.min(2000, callMilliseconds),
    },
    lookHere: (signal) => lookHere(joined, lookMilliseconds, signal),
    leaseMilliseconds: options.lease,
    callMilliseconds,
    tickMilliseconds: options.tick,
    failing: (which) =>
      failingOf(joined, which, {
        callMilliseconds,
        lostSideMilliseconds: which.silent ? SILENT_SIDE_MILLISECONDS : callMilliseconds * LOST_SIDE_CALLS,
      }),
    freshId: () => `f${randomBytes(4).toString('hex')}`,
    inside: (side) => options.inside === side,
    notices: joined.notices,
    placeOf: (side) => ({
      name: nameOfSide(policy[side]),
      location: locationOfSide(policy[side]),
    }),
    told,
  }
}
