import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Azure, openAzure } from '../../azure/open-azure.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { Fault } from '../../core/errors.ts'
import { lastPass } from '../../engine/history/last-pass.ts'
import { noteKey, savingNothing } from '../../engine/history/notes.ts'
import type { HistoryFilter, HistoryParts } from '../../engine/history/parts.ts'
import type { Progress } from '../../engine/parts.ts'
import { isWorkspaceId } from '../../engine/pointer.ts'
import { type Credentials, credentialsOf, openServer } from '../../mlflow/server.ts'
import type { Creations } from '../../services/run/index.ts'
import { isStorage } from '../../services/run/storage-artifacts.ts'
import type { HistoryLedger } from '../../store/history-ledger.ts'
import { openSqliteHistoryLedger } from '../../store/sqlite-history-ledger.ts'
import { artifactsBelow } from './files-below.ts'
import { carriersOf, type OpenEnd, openFolderEnd, openWorkspaceEnd, serverEnd } from './history-ends.ts'
import { demandOwnCloud } from './own-cloud.ts'

/** Which end of a copy. */
type End = 'FROM' | 'TO'

/** A ledger of this process alone. */
const NOWHERE = ':memory:'

export interface HistoryOptions {
  /** What both ends are called: a URI, or the ARM id of a workspace. */
  readonly from: string
  readonly to: string
  /** Folder of ledgers; each pair of ends has its own. */
  readonly state: string
  /** False: nothing is written, and no file is left where none was. */
  readonly writes: boolean
  /** True: everything is read and compared, whatever was noted. */
  readonly recheck: boolean
  /** True: only what may have changed since the last copy that lost nothing; everything where there was none. */
  readonly sinceLast: boolean
  /** Where servers may keep files that they do not hand out: folders of this machine, for the source, and of Azure's storage. */
  readonly filesBelow: readonly string[]
  /** URIs of servers that keep the registered models of an end, where its own does not. */
  readonly registries: Readonly<Record<End, string | undefined>>
  readonly filter: HistoryFilter
  readonly progress: Progress
  readonly signal: AbortSignal
}

export interface OpenHistory {
  readonly parts: HistoryParts
  close(): void
}

/** Joins both ends and the ledger of what was carried between them. */
export async function openHistory(options: HistoryOptions): Promise<OpenHistory> {
  const { from, to, state, writes, recheck, filter, progress, signal } = options
  if (from.replace(/\/+$/, '') === to.replace(/\/+$/, '')) throw same(from)
  for (const named of [from, to]) if (isWorkspace(named)) demandWorkspace(named)
  const needsAzure = [from, to].some(isWorkspace) || options.filesBelow.some(isStorage)
  const azure = needsAzure ? openAzure({ surroundings: surroundingsOf(process.env) }) : undefined
  const { filesBelow, registries } = options
  const reach = { azure, signal, filesBelow, registries }
  const [one, other] = [await openEnd(from, 'FROM', reach), await openEnd(to, 'TO', reach)]
  // One place can be written in several ways, and a copy of it into itself would make its versions twice.
  if (one.end.name === other.end.name) throw same(one.end.name)
  const names = [one.end.name, other.end.name, ...Object.values(registries).filter((uri) => uri !== undefined)]
  const pair = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16)
  const path = join(state, `${pair}.db`)
  const file = openSqliteHistoryLedger(writes || existsSync(path) ? path : NOWHERE)
  const ledger = recheck ? savingNothing(file) : file
  const sinceLast = options.sinceLast ? { since: await lastPass({ to: other.end, ledger, filter }, signal) } : {}
  const source = { ...one, access: { ...one.access, residents: one.end.census } }
  const creations = creationsIn(file)
  const target = { ...other, access: { ...other.access, residents: other.end.census, creations } }
  return {
    parts: {
      from: one.end,
      to: other.end,
      ...carriersOf(source, target),
      ledger,
      progress,
      filter: { ...filter, ...sinceLast },
    },
    close: () => {
      file.close()
      for (const { end } of [one, other]) end.census.close()
      azure?.close()
    },
  }
}

/** Notes of the runs that were to be created: they stay, and cost one search for each that is to be created again. */
function creationsIn(ledger: HistoryLedger): Creations {
  const keyOf = (id: string) => noteKey('creation', id)
  return {
    begun: (id) => ledger.get(keyOf(id)) !== undefined,
    begin: (id) => ledger.put(keyOf(id), ''),
  }
}

function isWorkspace(named: string): boolean {
  return /^\/subscriptions\//i.test(named)
}

/** Before anybody signs in: an id that is none is a slip of the hand, and nothing to ask Azure for. */
function demandWorkspace(named: string): void {
  if (isWorkspaceId(idOf(named))) return
  throw new Fault('usage/bad-argument', `${named} is no ARM id of a workspace`, {
    hint: 'Write it as /subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…, or a folder of this machine as ./….',
  })
}

function idOf(workspace: string): string {
  return workspace.replace(/\/$/, '')
}

interface Reach {
  readonly azure: Azure | undefined
  readonly signal: AbortSignal
  readonly filesBelow: readonly string[]
  readonly registries: HistoryOptions['registries']
}

async function openEnd(named: string, side: End, { azure, signal, filesBelow, registries }: Reach): Promise<OpenEnd> {
  const registry = registries[side]
  if (/^https?:\/\//.test(named) && URL.canParse(named)) {
    const folders = side === 'FROM' ? filesBelow : filesBelow.filter(isStorage)
    const open = (uri: string) => openServer({ uri, credentials: credentials(side) })
    const elsewhere = {
      artifacts: artifactsBelow(folders, azure),
      registry: registry === undefined ? undefined : open(registry),
    }
    return serverEnd(open(named), elsewhere)
  }
  if (registry !== undefined) throw ownRegistry(named)
  if (azure !== undefined && isWorkspace(named)) {
    demandOwnCloud(named)
    return openWorkspaceEnd(azure, idOf(named), signal)
  }
  const folder = folderOf(named)
  if (folder !== undefined) return openFolderEnd(folder, side === 'FROM' ? 'source' : 'target')
  throw unknown(named)
}

/** Fit to be shown, however a URI was mistyped. */
export function withoutPassword(named: string): string {
  return named.replace(/\/\/.*@/s, '//')
}

/** A path, or its `file:` URI; any other scheme is none of a folder, and a folder of another machine is none of ours. */
function folderOf(named: string): string | undefined {
  if (named.startsWith('file:')) return folderIn(named)
  return named === '' || /^[a-z][a-z0-9+.-]*:/i.test(named) ? undefined : resolve(named)
}

function folderIn(uri: string): string | undefined {
  try {
    return fileURLToPath(uri)
  } catch {
    return undefined
  }
}

/** Of one side where it has its own, otherwise those of MLflow's client. */
function credentials(side: End): Credentials {
  const own = Object.fromEntries(
    ['USERNAME', 'PASSWORD', 'TOKEN'].map((name) => [
      `MLFLOW_TRACKING_${name}`,
      process.env[`HOLDFAST_${side}_TRACKING_${name}`],
    ]),
  )
  const given = credentialsOf(own)
  return given.by === 'nothing' ? credentialsOf(process.env) : given
}

function same(named: string): Fault {
  return new Fault('usage/bad-argument', `FROM and TO are both ${withoutPassword(named)}`, { hint: 'Name two places.' })
}

function ownRegistry(named: string): Fault {
  return new Fault('usage/bad-argument', `${withoutPassword(named)} keeps its registered models itself`, {
    hint: 'Name a registry only for a tracking server.',
  })
}

function unknown(named: string): Fault {
  return new Fault(
    'usage/bad-argument',
    `${withoutPassword(named)} is neither a tracking server nor a workspace nor a folder`,
    {
      hint: 'Give a URI such as http://127.0.0.1:5000, the ARM id of a workspace, or the path of a folder.',
    },
  )
}
