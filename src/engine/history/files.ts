import { createHash } from 'node:crypto'
import { Fault, isFault } from '../../core/errors.ts'
import { fewAtOnce } from '../../disk/turns.ts'
import type { ArtifactFile, Artifacts } from '../../mlflow/artifacts.ts'
import type { HistoryLedger } from '../../store/history-ledger.ts'
import { inParallel } from './in-parallel.ts'
import { isSilence, type Persistence, persistently } from './pass.ts'

/** Files of a run or of a logged model at one end. */
export interface Shelf {
  readonly artifacts: Artifacts
  readonly root: string
}

export interface FileCopy {
  readonly from: Shelf
  readonly to: Shelf
  /** True: nothing can be there yet, so nobody looks. */
  readonly isNew?: boolean
  /** Begins the keys of these files in the ledger. */
  readonly key: string
  readonly ledger: HistoryLedger
  /** Says a file that names runs and models in the names of the target. */
  readonly rewritten: (text: string) => string
  readonly signal: AbortSignal
}

export interface Copied {
  readonly files: number
  readonly bytes: number
}

const FILES_AT_ONCE = 4
/** A store takes a long file in blocks, of which several are held in memory: of those few pass at once, in all runs together. */
const LONG = 1024 * 1024
const longOnes = fewAtOnce(4)
/** A file that a limit refuses is begun anew: the place lets it wait for its turn. */
const LIMITED: Persistence = { tries: 5, after: ['azure/throttled'] }
/** Bytes that pass through here at most, with their SHA-256, where the target could fetch them itself. */
const LARGEST_READ = 8 * 1024 * 1024
/** Names of files that a message has room for. */
const MOST_NAMED = 5
/** The one file of MLflow's model format that names the run and the model it is of. */
const NAMING = 'MLmodel'
const MOST_NAMING = 4 * 1024 * 1024
/** Begins what is noted of a file whose source tells versions. */
const VERSION = 'version '

/**
 * Carries the files that the target does not have as they are. A file is never held whole; what was carried is told by
 * its version at the source, or by its SHA-256 where the source tells none. A file that was carried while nobody noted
 * so is read at both ends and not written again.
 */
export async function copyFiles(copy: FileCopy): Promise<Copied> {
  const { from, to, isNew = false, signal } = copy
  demandReach(from)
  const standing = new Map<string, number>()
  const sources = await listed(from, signal)
  if (sources.length === 0) return { files: 0, bytes: 0 }
  demandReach(to)
  for (const { path, length } of isNew ? [] : await listed(to, signal)) standing.set(path, length)
  let [files, bytes] = [0, 0]
  const failures = new Map<string, Fault>()
  await inParallel(FILES_AT_ONCE, sources, async (file) => {
    const { path } = file
    try {
      const length = await copyFile(copy, file, standing.has(path))
      if (length === undefined) return
      files += 1
      bytes += length
    } catch (thrown) {
      if (!isOfOneFile(thrown)) throw thrown
      failures.set(path, thrown)
    }
  })
  const carried = sources.flatMap(({ path }) => (failures.has(path) ? [] : [path]))
  if (files > 0) await demandArrived(copy, carried)
  if (failures.size > 0) throw left(failures)
  return { files, bytes }
}

/** What a place says of one file is no reason to leave out the others; that it says nothing is. */
function isOfOneFile(thrown: unknown): thrown is Fault {
  if (isSilence(thrown)) return false
  return isFault(thrown, 'azure/unreachable', 'azure/refused', 'azure/denied', 'blob/changed', 'blob/damaged')
}

/** The first failure, with the names of all files that are left out. */
function left(failures: ReadonlyMap<string, Fault>): Fault {
  const [first] = failures.values()
  const names = [...failures.keys()].slice(0, MOST_NAMED).map((path) => JSON.stringify(path))
  const more = failures.size > MOST_NAMED ? ` and ${failures.size - MOST_NAMED} more` : ''
  const message = `${failures.size} of its files are not carried: ${names.join(', ')}${more}. ${first?.message ?? ''}`
  return new Fault(first?.code ?? 'run/defect', message, {
    hint: 'Look at what is said of the first, and run it again.',
  })
}

/** Returns how many bytes it wrote, or `undefined` where the file was there already. */
async function copyFile(copy: FileCopy, file: ArtifactFile, stands: boolean): Promise<number | undefined> {
  const { key, ledger } = copy
  const version = versionOf(file)
  if (stands && (await isCarried(copy, file.path, version))) return undefined
  if (version !== undefined && (await persistently(() => isFetched(copy, file), LIMITED))) {
    ledger.put(`${key}/${file.path}`, version)
    return file.length
  }
  const pass = () => persistently(() => passThrough(copy, file.path), LIMITED)
  const { sha256, length } = await (file.length > LONG ? longOnes(pass) : pass())
  ledger.put(`${key}/${file.path}`, version ?? sha256)
  return length
}

/** What is noted of bytes that go as they are, where the source tells versions. A file that is rewritten follows names too. */
function versionOf({ path, origin }: ArtifactFile): string | undefined {
  return origin === undefined || isNaming(path) ? undefined : `${VERSION}${origin.version}`
}

/** True where the file at the target is known to be this one, or is found to be by reading both. */
async function isCarried(copy: FileCopy, path: string, version: string | undefined): Promise<boolean> {
  const { from, to, key, ledger, rewritten, signal } = copy
  const noted = ledger.get(`${key}/${path}`)
  const isVersion = noted?.startsWith(VERSION) === true
  if (isVersion && version !== undefined) return noted === version
  const wanted = await digestOf(from, path, { rewritten, signal })
  const found = noted === undefined || isVersion ? await digestOf(to, path, { signal }) : noted
  if (wanted !== found) return false
  if (noted !== (version ?? wanted)) ledger.put(`${key}/${path}`, version ?? wanted)
  return true
}

/** True where the target took the bytes itself. */
async function isFetched({ to, signal }: FileCopy, { path, length, origin }: ArtifactFile): Promise<boolean> {
  if (origin === undefined || length <= LARGEST_READ) return false
  return (await to.artifacts.fetch?.(to.root, path, { origin, signal })) === true
}

async function passThrough(
  copy: FileCopy,
  path: string,
): Promise<{ readonly sha256: string; readonly length: number }> {
  const { to, signal } = copy
  const hash = createHash('sha256')
  let length = 0
  const source = await open(copy.from, path, copy)
  async function* passing(): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk)
      length += chunk.byteLength
      yield chunk
    }
  }
  await to.artifacts.write(to.root, path, { bytes: passing(), signal })
  return { sha256: hash.digest('hex'), length }
}

/** SHA-256 of a file as it is, or as the target is to have it where `rewritten` is given. */
export async function digestOf(
  shelf: Shelf,
  path: string,
  options: Pick<FileCopy, 'signal'> & Partial<Pick<FileCopy, 'rewritten'>>,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await open(shelf, path, options)) hash.update(chunk)
  return hash.digest('hex')
}

async function open(
  { artifacts, root }: Shelf,
  path: string,
  { signal, rewritten }: Pick<FileCopy, 'signal'> & Partial<Pick<FileCopy, 'rewritten'>>,
): Promise<AsyncIterable<Uint8Array>> {
  const bytes = await artifacts.read(root, path, signal)
  if (bytes === undefined) throw gone(root, path)
  return rewritten !== undefined && isNaming(path) ? renamed(bytes, rewritten) : bytes
}

function isNaming(path: string): boolean {
  return path === NAMING || path.endsWith(`/${NAMING}`)
}

async function* renamed(
  bytes: AsyncIterable<Uint8Array>,
  rewritten: (text: string) => string,
): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const rest = bytes[Symbol.asyncIterator]()
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    chunks.push(next.value)
    length += next.value.byteLength
    if (length <= MOST_NAMING) continue
    // No description of a model is that long: it goes as it is.
    yield* chunks
    for (let more = await rest.next(); more.done !== true; more = await rest.next()) yield more.value
    return
  }
  const whole = Buffer.concat(chunks)
  const text = whole.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(whole)
  yield isText ? Buffer.from(rewritten(text), 'utf8') : whole
}

export async function listed({ artifacts, root }: Shelf, signal: AbortSignal) {
  const found: { readonly path: string; readonly length: number }[] = []
  for await (const file of artifacts.files(root, signal)) found.push(file)
  return found
}

async function demandArrived({ to, signal }: FileCopy, paths: readonly string[]): Promise<void> {
  const there = new Set((await listed(to, signal)).map(({ path }) => path))
  const missing = paths.find((path) => !there.has(path))
  if (missing === undefined) return
  throw new Fault('blob/damaged', `${to.root}/${missing} was written and is not there`, {
    hint: 'Look at the artifact store behind the target; run it again when it keeps what it takes.',
  })
}

function demandReach({ artifacts, root }: Shelf): void {
  if (artifacts.reaches(root)) return
  throw new Fault('azure/refused', `The files at ${root || 'no place'} are not handed out by the tracking server`, {
    hint: 'Start the server with `--serve-artifacts`, or name the folder above them with `--files-below`, in a policy with `filesBelow`.',
  })
}

function gone(root: string, path: string): Fault {
  return new Fault('blob/changed', `${root}/${path} is listed, and is not there to be read`, {
    hint: 'Run it again.',
  })
}
