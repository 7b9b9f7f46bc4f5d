import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { controllerServer } from '../../api/controller-server.ts'
import { isSigned } from '../../api/signed.ts'
import { type ControllerOptions, type Event, runController } from '../../controller/controller.ts'
import { Fault } from '../../core/errors.ts'
import { voters } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import { workspaceConfig } from '../../engine/pointer.ts'
import { CALL_MILLISECONDS, type Composed } from '../compose/compose.ts'
import { failingOf } from '../compose/failing.ts'
import { PROBED } from '../compose/probes.ts'
import { sharedKey } from '../key.ts'
import { type Protected, protectedVerb, rolesOf, within } from '../protected.ts'
import { act, examples } from '../verb.ts'
import { lineOf, plainEvent } from './serve-lines.ts'

interface Options extends Protected {
  readonly listen?: string
  readonly region?: string
  readonly lease: string
  readonly call: string
  readonly tick: string
  readonly json?: boolean
}

/** How long a side is tried once more that no vantage point has an answer from. */
const SILENT_SIDE_MILLISECONDS = 1000

/** `holdfast serve`: the controller. */
export function serveVerb(): Command {
  return protectedVerb('serve', 'follow, watch, decide and fail over, until it is ended')
    .option('--listen <host:port>', 'answer /health, /active and /status over HTTP there')
    .option('--region <name>', 'the region that this process runs in, if it is one of Azure’s')
    .option('--lease <milliseconds>', 'how long a dead controller keeps the next one waiting', '30000')
    .option('--call <milliseconds>', 'longest that one call to Azure may take', String(CALL_MILLISECONDS))
    .option('--tick <milliseconds>', 'time between two looks at the vantage points', '2000')
    .addHelpText(
      'after',
      examples('holdfast serve', 'holdfast serve --listen 127.0.0.1:7400', 'holdfast serve --json >> holdfast.log'),
    )
    .action(
      act<Options>((options, io) =>
        within({ ...options, requestMilliseconds: Number(options.call) }, io, async (joined, signal) => {
          const region = await whereItRuns(joined, options.region, signal)
          demandMayServe(joined, region)
          let sentence = 'it has just begun'
          let ticked = Date.now()
          const told = (event: Event) => {
            if (event.is === 'health' || event.is === 'held') ticked = Date.now()
            if (event.is === 'decision') sentence = event.decision.reason
            if (options.json === true) process.stdout.write(`${JSON.stringify(plainEvent(event))}\n`)
            const line = lineOf(event)
            if (line !== undefined) io.say(`${io.paint('dim', new Date().toISOString())}  ${line}`)
          }
          const health = () => ({ ok: Date.now() - ticked < Number(options.tick) * 5 + 10_000, sentence })
          const server = options.listen === undefined ? undefined : await listening(joined, options.listen, health)
          try {
            await runController(controllerOptions(joined, { ...options, inside: region }, told), signal)
          } finally {
            await server?.close()
          }
        }),
      ),
    )
}

/** The side in whose region this process runs, if any. */
async function whereItRuns(
  { policy, parts }: Composed,
  region: string | undefined,
  signal: AbortSignal,
): Promise<Side | undefined> {
  if (region === undefined) return undefined
  if (region === policy.secondary.location) return 'secondary'
  const primary = await parts.open('primary', signal)
  return primary?.location === region ? 'primary' : undefined
}

/** Automatic mode asks for more than a process: eyes elsewhere, and a place that survives. */
function demandMayServe({ policy }: Composed, region: Side | undefined): void {
  const { mode, vantagePoints, demo } = policy.failover
  if (mode !== 'automatic') return
  const votes = voters({ points: vantagePoints, demo }).size
  if (votes < 3) {
    throw new Fault(
      'failover/refused',
      `Automatic mode needs three vantage points on hosts of their own; ${policy.name} has ${votes}`,
      {
        facts: { votes },
        hint: 'Add vantage points, or set `failover.mode: approval`.',
      },
    )
  }
  if (region !== 'primary') return
  throw new Fault(
    'failover/refused',
    'This controller runs in the region of the primary, with which it would be lost',
    {
      hint: 'Run it in the secondary’s region or in a third one.',
    },
  )
}

async function listening(joined: Composed, listen: string, health: () => { ok: boolean; sentence: string }) {
  const { policy, parts } = joined
  const server = controllerServer({
    health,
    active: async () => {
      const { active, epoch } = await rolesOf(parts)
      return { ...workspaceConfig(policy[active].workspace), side: active, epoch }
    },
    status: async () => ({
      protection: policy.name,
      ...(await rolesOf(parts)),
      lastPass: (await parts.store.fact(parts.protection, 'synced')) ?? null,
      ...health(),
    }),
  })
  const [host = '127.0.0.1', port = '7400'] = listen.split(':')
  await server.listen({ host, port: Number(port) })
  return server
}

export function controllerOptions(
  joined: Composed,
  options: Pick<Options, 'lease' | 'call' | 'tick'> & { readonly inside: Side | undefined },
  told: ControllerOptions['told'],
): ControllerOptions {
  const { policy, parts, carrying, holder, dir } = joined
  const key = sharedKey(dir)
  const callMilliseconds = Number(options.call)
  return {
    parts,
    policy,
    carrying,
    holder,
    planes: PROBED,
    points: {
      points: policy.failover.vantagePoints,
      verify: (body, signature) => isSigned(body, signature, key),
      timeoutMilliseconds: Math.min(2000, callMilliseconds),
    },
    leaseMilliseconds: Number(options.lease),
    callMilliseconds,
    tickMilliseconds: Number(options.tick),
    failing: (which) =>
      failingOf(joined, which, {
        callMilliseconds,
        lostSideMilliseconds: which.silent ? SILENT_SIDE_MILLISECONDS : callMilliseconds,
      }),
    freshId: () => `f${randomBytes(4).toString('hex')}`,
    inside: (side) => options.inside === side,
    told,
  }
}
