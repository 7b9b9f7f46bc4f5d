import { gateOf } from '../../azure/gate.ts'
import { type Azure, openAzure } from '../../azure/open-azure.ts'
import { type SourceClock, sourceClock } from '../../azure/source-clock.ts'
import { watchStandstill } from '../../azure/standstill.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import { isServer, locationOfSide, type ServerSignIn } from '../../core/policy.ts'
import { census, counted } from '../../engine/history/census.ts'
import type { Resubmitting } from '../../engine/resubmit.ts'
import { httpEvaluationDatasets } from '../../mlflow/http-evaluation-datasets.ts'
import { httpLoggedModels } from '../../mlflow/http-logged-models.ts'
import { httpRegistry } from '../../mlflow/http-registry.ts'
import { httpTraces } from '../../mlflow/http-traces.ts'
import { serverTracking } from '../../mlflow/http-tracking.ts'
import { firstOf } from '../../mlflow/local-artifacts.ts'
import { proxiedArtifacts } from '../../mlflow/proxied-artifacts.ts'
import { type Credentials, credentialsOf, openServer, type Server, type ServerOptions } from '../../mlflow/server.ts'
import type { HistoryAccess } from '../../services/history-place.ts'
import { serverRegistry } from '../../services/registry.ts'
import type { RunAccess } from '../../services/run/index.ts'
import { sharedIdOf } from '../../services/run/schema.ts'
import { accountOfFolder } from '../../services/run/storage-artifacts.ts'
import type { Place } from '../../services/service.ts'
import { openSqliteResidents } from '../../store/sqlite-residents.ts'
import type { Estate, EstateOptions } from './estate.ts'
import { artifactsBelow } from './files-below.ts'
import { nowhere, OWN_IDS } from './history-ends.ts'
import { secretOf } from './secret.ts'
import { answers, HISTORY, questionsOf, reaches, type StorageProbe, storageProbe } from './server-probes.ts'

/** A tracking server that was opened: no request is sent for that. */
interface Opened {
  readonly place: Place
  readonly server: Server
  /** Ask whether the storage behind its files is there. */
  readonly storage: readonly StorageProbe[]
  readonly runs: RunAccess
  readonly history: HistoryAccess
}

const UNFENCED =
  'Nothing can stop whoever still has the old URI of a tracking server from writing there: what they write is found by the next pass and carried over'

/** Two tracking servers of MLflow. */
export function openServerPair(options: EstateOptions): Estate {
  const { policy } = options
  const standstill = watchStandstill()
  const azure = openStorage(options)
  const gate = gateOf(undefined)
  const sides = new Map<Side, Promise<Opened>>()
  const byPlace = new Map<string, Opened>()

  function opened(side: Side): Promise<Opened> {
    const before = sides.get(side)
    if (before !== undefined) return before
    const opening = openSide(side, { ...options, azure }, { beforeSending: standstill.over, way: gate.way })
    sides.set(side, opening)
    opening.then(
      (one) => byPlace.set(one.place.workspace, one),
      () => sides.delete(side),
    )
    return opening
  }

  function of(place: Place): Opened {
    const found = byPlace.get(place.workspace)
    if (found === undefined) throw new Fault('run/defect', `${place.workspace} is asked before it was opened`)
    return found
  }

  async function reachOutside(signal: AbortSignal): Promise<void> {
    const { outside } = policy.failover
    if (outside !== undefined) return reaches(outside, signal)
    // Whoever reaches one of the two is not cut off himself. For a person who looks; vantage points need more.
    const servers = await Promise.all([opened('primary'), opened('secondary')])
    await Promise.any(servers.map(({ server }) => answers(server, HISTORY, signal)))
  }

  return {
    services: serverRegistry({ runsOf: (place) => of(place).runs, historyOf: (place) => of(place).history }),
    planes: ['history', 'data'],
    unfenced: UNFENCED,
    open: async (side) => (await opened(side)).place,
    // A server goes by its URI, which stands in the policy.
    learn: () => Promise.resolve(new Map()),
    questions: (side, place) => questionsOf(side, of(place).server, of(place).storage),
    reachOutside,
    makeSecondary: async (signal) => {
      await answers((await opened('secondary')).server, HISTORY, signal)
      return []
    },
    resubmitting: NO_JOBS,
    gate: azure === undefined ? gate : both(gate, azure.transport.gate),
    calls: () => azure?.calls() ?? [],
    close: () => {
      standstill.end()
      gate.close()
      azure?.close()
    },
  }
}

/** The way to Azure's storage, where files of a side lie there. */
function openStorage({ policy, requestMilliseconds }: EstateOptions): Azure | undefined {
  const isThere = [policy.primary, policy.secondary].some((side) => isServer(side) && side.filesBelow !== undefined)
  return isThere ? openAzure({ surroundings: surroundingsOf(process.env), requestMilliseconds }) : undefined
}

/** Both ways out open and shut as one. */
function both(one: Estate['gate'], other: Estate['gate']): Estate['gate'] {
  const each = [one, other]
  return {
    prepare: () => {
      for (const gate of each) gate.prepare()
    },
    open: (until) => {
      for (const gate of each) gate.open(until)
    },
    leave: () => {
      for (const gate of each) gate.leave()
    },
  }
}

async function openSide(
  side: Side,
  { policy, folder, notes, requestMilliseconds, azure }: EstateOptions & { readonly azure: Azure | undefined },
  sending: Pick<ServerOptions, 'beforeSending' | 'way'>,
): Promise<Opened> {
  const one = policy[side]
  if (!isServer(one)) throw new Fault('run/defect', `The ${side} is no tracking server`)
  const { filesBelow: below = [] } = one
  const clock = sourceClock()
  const credentials = () => credentialsFor(side, one.signIn, folder)
  // What is missing is said at once, and not by the first request.
  await credentials()
  const server = openServer({
    uri: one.server,
    credentials,
    requestMilliseconds,
    ...sending,
    dated: clock.take,
  })
  const residents = census(sharedIdOf, openSqliteResidents())
  const tracking = counted(serverTracking(server.send), residents)
  return {
    place: { ...nowhere(server.uri), location: locationOfSide(one), now: nowBy(clock) },
    server,
    storage: azure === undefined ? [] : below.map((uri) => storageProbe(azure, accountOfFolder(uri))),
    runs: { tracking, notes, ...OWN_IDS },
    history: {
      tracking,
      artifacts: firstOf(proxiedArtifacts(server), ...artifactsBelow(below, azure)),
      registry: httpRegistry(server.send),
      models: httpLoggedModels(server.send),
      traces: httpTraces(server.send),
      evaluations: httpEvaluationDatasets(server.send),
      census: residents,
      notes,
    },
  }
}

function nowBy(clock: SourceClock): () => number {
  return () => clock.earliest(performance.now()) ?? Date.now()
}

async function credentialsFor(side: Side, signIn: ServerSignIn | undefined, folder: string): Promise<Credentials> {
  if (signIn === undefined) return credentialsOf(process.env)
  const use = {
    folder,
    without: `Nobody can sign in to the server of the ${side}`,
    hint: 'Set it where Holdfast runs, the vantage points too.',
  }
  if ('token' in signIn) return { by: 'token', token: await secretOf(signIn.token, use) }
  return { by: 'password', user: signIn.user, password: await secretOf(signIn.password, use) }
}

/** A tracking server runs no jobs: none is ever chosen, and whoever asks to submit one has a defect. */
const NO_JOBS: Omit<Resubmitting, 'rule' | 'otherwise'> = {
  submit: () => Promise.reject(new Fault('run/defect', 'A tracking server runs no jobs')),
  placeCheckpoint: () => Promise.resolve(undefined),
  closeRun: () => Promise.resolve(),
  sharedDatastores: () => Promise.resolve(new Set()),
}
